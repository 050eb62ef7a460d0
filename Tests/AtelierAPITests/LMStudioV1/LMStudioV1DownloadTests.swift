import AtelierAPI
import AtelierCore
import Testing

struct LMStudioV1DownloadTests {
  private let job = DownloadStatus(
    id: "job_0123456789", state: .downloading, model: "o/r", totalBytes: 1000, downloadedBytes: 250,
    bytesPerSecond: 125.5, startedAt: 1_769_854_530_123, estimatedCompletion: 1_769_854_536_099)

  @Test func requestIsClosedAndNeedsAModel() throws {
    #expect(try LMStudioV1Download.decode(["model": "o/n"]) == DownloadRequest(model: "o/n"))
    #expect(
      try LMStudioV1Download.decode(["model": "https://huggingface.co/o/r", "quantization": "Q4_K_M"])
        == DownloadRequest(model: "https://huggingface.co/o/r", quantization: "Q4_K_M"))
    for (body, code, param) in [
      ([:], .missingRequiredParameter, "model"), (["model": 3], .invalidType, "model"),
      (["model": "o/n", "force": true], .unrecognizedKeys, "force"), (["model": ""], .invalidValue, "model"),
    ] as [(JSONValue, AtelierError.Code, String)] {
      let error = #expect(throws: AtelierError.self) { try LMStudioV1Download.decode(body) }
      #expect(error?.code == code && error?.param == param)
    }
  }

  @Test func answersAreTheDocumentedOnes() {
    #expect(LMStudioV1Download.body(of: .alreadyDownloaded).serialized() == #"{"status":"already_downloaded"}"#)
    #expect(
      LMStudioV1Download.body(of: .job(job)).serialized() == """
        {"job_id":"job_0123456789","status":"downloading","total_size_bytes":1000,\
        "started_at":"2026-01-31T10:15:30.123Z"}
        """)
  }

  @Test func statusShowsRateAndTimeLeftOnlyWhileDownloading() {
    #expect(
      LMStudioV1Download.body(of: job).serialized() == """
        {"job_id":"job_0123456789","status":"downloading","total_size_bytes":1000,"downloaded_bytes":250,\
        "started_at":"2026-01-31T10:15:30.123Z","bytes_per_second":125.5,\
        "estimated_completion":"2026-01-31T10:15:36.099Z"}
        """)
    var done = job
    done.state = .completed
    done.downloadedBytes = 1000
    done.completedAt = 1_769_854_531_000
    #expect(
      LMStudioV1Download.body(of: [done]).serialized()
        == """
        {"jobs":[{"job_id":"job_0123456789","status":"completed","total_size_bytes":1000,"downloaded_bytes":1000,\
        "started_at":"2026-01-31T10:15:30.123Z","completed_at":"2026-01-31T10:15:31Z"}]}
        """.replacing(":31Z", with: ":31.000Z"))
    var failed = job
    failed.state = .failed(AtelierError(.insufficientDiskSpace, "full"))
    let body = LMStudioV1Download.body(of: failed)
    #expect(body["status"] == "failed" && body["bytes_per_second"] == nil)
    #expect(body["error"]?["type"] == "internal_error" && body["error"]?["message"] == "full")
  }

  @Test(arguments: [
    (0, "1970-01-01T00:00:00.000Z"), (951_782_400_000, "2000-02-29T00:00:00.000Z"),
    (1_709_251_199_999, "2024-02-29T23:59:59.999Z"), (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
    (-1, "1969-12-31T23:59:59.999Z"),
  ])
  func timesAreISO8601(milliseconds: Int64, text: String) {
    var status = job
    status.startedAt = milliseconds
    #expect(LMStudioV1Download.body(of: status)["started_at"] == .string(text))
  }
}
