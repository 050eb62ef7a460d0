import AtelierCore

/// Downloads, as the HTTP layer sees them.
package protocol DownloadManaging: Sendable {
  /// Starts a download, or goes on with one, and returns when its files and sizes are known (30 s at most). Throws
  /// `invalidValue`, `notImplemented`, `modelNotFound`, `noCompatibleFiles`, `gatedRepository`, `hubUnreachable`,
  /// `serverBusy`.
  func download(_ request: DownloadRequest) async throws(AtelierError) -> DownloadAnswer

  /// Throws `jobNotFound`.
  func status(ofJob id: String) async throws(AtelierError) -> DownloadStatus

  /// Newest first.
  func jobs() async -> [DownloadStatus]

  /// Stops a job and keeps what it has. No effect on one that is not open. Throws `jobNotFound`.
  func pause(_ id: String) async throws(AtelierError) -> DownloadStatus

  /// Goes on with a job that was paused or failed, with the files it was made for. Throws `jobNotFound`, `serverBusy`.
  func resume(_ id: String) async throws(AtelierError) -> DownloadStatus

  /// Ends a job and forgets it. What an incomplete one wrote is removed; a completed one's model stays. Throws
  /// `jobNotFound`.
  func cancel(_ id: String) async throws(AtelierError)

  /// Models whose names fit the words: all of the catalog's, and at most `limit` of the hub's.
  func search(_ words: String, limit: Int, asksHub: Bool) async -> ModelSearchResult

  /// The quantizations of what `model` names. Throws as `download`.
  func choices(for model: String) async throws(AtelierError) -> DownloadChoices

  /// What `delete` would delete. Throws as it does.
  func deletion(of name: String) async throws(AtelierError) -> ModelDeletion

  /// Deletes the files of a model (its key) or of one variant (`key@quant`), which must lie in the models folder. Throws
  /// `modelNotFound`, `invalidValue` for files elsewhere, `modelInUse` while a download writes there.
  func delete(_ name: String) async throws(AtelierError) -> ModelDeletion
}

extension AtelierError {
  static func jobNotFound(_ id: String) -> AtelierError {
    AtelierError(.jobNotFound, "There is no download job '\(id.prefix(64))'.", param: "job_id")
  }
}
