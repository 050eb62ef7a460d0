import AtelierCore
import AtelierModels

/// One running job, `job_0000000001`.
struct ScriptedDownloads: DownloadManaging {
  private let job = DownloadStatus(
    id: "job_0000000001", state: .downloading, model: "acme/tiny", totalBytes: 10, downloadedBytes: 5,
    bytesPerSecond: 0,
    startedAt: 0)

  func download(_ request: DownloadRequest) async throws(AtelierError) -> DownloadAnswer {
    request.model == "acme/tiny" ? .alreadyDownloaded : .job(job)
  }

  func status(ofJob id: String) async throws(AtelierError) -> DownloadStatus {
    guard id == job.id else { throw AtelierError(.jobNotFound, "no such job") }
    return job
  }

  func jobs() async -> [DownloadStatus] { [job] }
}
