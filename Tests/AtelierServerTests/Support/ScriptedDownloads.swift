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

  func pause(_ id: String) async throws(AtelierError) -> DownloadStatus {
    var job = try await status(ofJob: id)
    job.state = .paused
    return job
  }

  func resume(_ id: String) async throws(AtelierError) -> DownloadStatus { try await status(ofJob: id) }

  func cancel(_ id: String) async throws(AtelierError) { _ = try await status(ofJob: id) }

  /// The words come back as the only model.
  func search(_ words: String, limit: Int, asksHub: Bool) async -> ModelSearchResult {
    ModelSearchResult(
      models: [FoundModel(id: words, repository: words, isInCatalog: !asksHub, downloads: limit)],
      hubError: asksHub ? AtelierError(.hubUnreachable, "no hub") : nil)
  }

  func choices(for model: String) async throws(AtelierError) -> DownloadChoices {
    DownloadChoices(
      repository: model, choices: [DownloadChoices.Choice(quantization: "Q4_1", sizeBytes: 5, files: ["tiny.gguf"])])
  }

  func deletion(of name: String) async throws(AtelierError) -> ModelDeletion {
    guard name == "acme/tiny" || name == "other" else { throw AtelierError(.modelNotFound, "no such model") }
    return ModelDeletion(modelKey: name, variants: [name], paths: ["/secret/tiny.gguf"], freedBytes: 5)
  }

  func delete(_ name: String) async throws(AtelierError) -> ModelDeletion { try await deletion(of: name) }
}
