import AtelierCore

/// `POST /api/v1/models/download` and `GET /api/v1/models/download/status/:job_id` (native.md 10 and 11).
package enum LMStudioV1Download {
  package static func decode(_ body: JSONValue) throws(AtelierError) -> DownloadRequest {
    let problems = RequestProblems()
    let fields = try FieldReader(body: body, problems: problems)
    fields.refuseKeys(notIn: ["model", "quantization"])
    let model = fields.required("model", fields.name)
    let quantization = fields.name("quantization")
    return DownloadRequest(model: try problems.unwrap(model), quantization: quantization)
  }

  package static func body(of answer: DownloadAnswer) -> JSONValue {
    switch answer {
    case .alreadyDownloaded: ["status": "already_downloaded"]
    case .job(let status): started(status)
    }
  }

  /// The answer to the request itself: what the job is, not how far.
  private static func started(_ status: DownloadStatus) -> JSONValue {
    var body: JSONObject = [
      "job_id": .string(status.id), "status": .string(word(for: status.state)),
      "total_size_bytes": .integer(status.totalBytes), "started_at": Timestamp.value(milliseconds: status.startedAt),
    ]
    if let completedAt = status.completedAt { body["completed_at"] = Timestamp.value(milliseconds: completedAt) }
    return .object(body)
  }

  package static func body(of status: DownloadStatus) -> JSONValue {
    var body: JSONObject = [
      "job_id": .string(status.id), "status": .string(word(for: status.state)),
      "total_size_bytes": .integer(status.totalBytes), "downloaded_bytes": .integer(status.downloadedBytes),
      "started_at": Timestamp.value(milliseconds: status.startedAt),
    ]
    if status.state == .downloading {
      body["bytes_per_second"] = .measure(status.bytesPerSecond ?? 0)
      if let completion = status.estimatedCompletion {
        body["estimated_completion"] = Timestamp.value(milliseconds: completion)
      }
    }
    if let completedAt = status.completedAt { body["completed_at"] = Timestamp.value(milliseconds: completedAt) }
    if case .failed(let error) = status.state { body["error"] = LMStudioV1Error.object(error) }
    return .object(body)
  }

  /// For a status request without an id.
  package static func body(of jobs: [DownloadStatus]) -> JSONValue { ["jobs": .array(jobs.map { body(of: $0) })] }

  private static func word(for state: DownloadStatus.State) -> String {
    switch state {
    case .downloading: "downloading"
    case .paused: "paused"
    case .completed: "completed"
    case .failed: "failed"
    }
  }
}
