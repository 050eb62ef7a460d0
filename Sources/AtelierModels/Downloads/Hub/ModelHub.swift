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
