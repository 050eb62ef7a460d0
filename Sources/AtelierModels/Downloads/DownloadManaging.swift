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
}

extension AtelierError {
  static func jobNotFound(_ id: String) -> AtelierError {
    AtelierError(.jobNotFound, "There is no download job '\(id.prefix(64))'.", param: "job_id")
  }
}
