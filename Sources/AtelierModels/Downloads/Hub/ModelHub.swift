import AtelierCore
import AtelierEgress

/// Where models come from.
package protocol ModelHub: Sendable {
  /// Links must have this origin.
  var origin: Origin { get }

  /// All files of a repository. Throws `modelNotFound`, `gatedRepository`, `hubUnreachable`.
  func files(of repository: RepositoryName, revision: String) async throws(AtelierError) -> [HubFile]

  /// Throws what `files` throws when the file itself may not be fetched: the lists of gated repositories are public.
  func checkAccess(to file: HubFile, of repository: RepositoryName, revision: String) async throws(AtelierError)

  /// Sends the file's bytes from `offset` on to the sink, as fast as it takes them. nil when the body ended as if it were
  /// whole or the sink had enough.
  func fetch(
    _ file: HubFile, of repository: RepositoryName, revision: String, from offset: Int64, into sink: any TransferSink
  ) async -> FileTransfer.Fault?

  /// GGUF repositories whose names fit the words, the most downloaded first. Throws `hubUnreachable`.
  func search(_ words: String, limit: Int) async throws(AtelierError) -> [HubModel]
}

/// Takes the bytes of one answer; called by one task, in order.
package protocol TransferSink: AnyObject {
  /// False: the body is not wanted.
  func began(at start: Int64, total: Int64?) async -> Bool
  /// False: no more is wanted.
  func took(_ bytes: [UInt8]) async -> Bool
}

/// A repository as the hub's search shows it.
package struct HubModel: Sendable, Hashable {
  package var repository: RepositoryName
  package var downloads: Int
  package var likes: Int

  package init(repository: RepositoryName, downloads: Int, likes: Int) {
    self.repository = repository
    self.downloads = downloads
    self.likes = likes
  }
}
