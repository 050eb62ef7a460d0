import AtelierCore
import AtelierEgress
import AtelierTesting
import Synchronization

@testable import AtelierModels

/// A hub in this process. A held file stops half-way until its transfer is cancelled.
final class ScriptedHub: ModelHub {
  private struct State {
    var files: [RepositoryName: [(path: String, bytes: [UInt8])]] = [:]
    var claims: [String: Int64] = [:]
    var held: Set<String> = []
    var fetched: [String] = []
  }

  let origin = Origin(scheme: .https, host: "hub.example", port: 443)
  private let state = Mutex(State())
  /// Yields whenever a held transfer has come to its half.
  let halfway: AsyncStream<Void>
  private let signal: AsyncStream<Void>.Continuation

  init() { (halfway, signal) = AsyncStream.makeStream() }

  func add(_ repository: String, _ files: [String: GGUFWriter]) {
    guard let repository = RepositoryName(repository) else { return }
    let files = files.sorted { $0.key < $1.key }.map { path, writer in
      let (header, size) = writer.header()
      return (path: path, bytes: header + [UInt8](repeating: 0, count: Int(size) - header.count))
    }
    state.withLock { $0.files[repository] = files }
  }

  /// Lists the file with another size than it has.
  func claim(_ size: Int64, for path: String) { state.withLock { $0.claims[path] = size } }
  func hold(_ path: String) { state.withLock { _ = $0.held.insert(path) } }
  func release() { state.withLock { $0.held = [] } }
  /// In the order asked for.
  var fetched: [String] { state.withLock(\.fetched) }

  func size(_ repository: String, _ path: String) -> Int64 {
    Int64(bytes(path, of: RepositoryName(repository))?.count ?? 0)
  }

  private func bytes(_ path: String, of repository: RepositoryName?) -> [UInt8]? {
    state.withLock { state in repository.flatMap { state.files[$0] }?.first { $0.path == path }?.bytes }
  }

  func files(of repository: RepositoryName, revision: String) async throws(AtelierError) -> [HubFile] {
    guard let files = state.withLock({ $0.files[repository] }) else { throw HubClient.notFound("\(repository)") }
    let claims = state.withLock(\.claims)
    return files.map { HubFile(path: $0.path, size: claims[$0.path] ?? Int64($0.bytes.count)) }
  }

  func checkAccess(to file: HubFile, of repository: RepositoryName, revision: String) async throws(AtelierError) {}

  func fetch(
    _ file: HubFile, of repository: RepositoryName, revision: String, from offset: Int64, into sink: any TransferSink
  ) async -> FileTransfer.Fault? {
    guard let bytes = bytes(file.path, of: repository) else { return .fatal(HubClient.notFound(file.path)) }
    let isHeld = state.withLock { state in
      state.fetched.append(file.path)
      return state.held.contains(file.path)
    }
    guard await sink.began(at: offset, total: Int64(bytes.count)) else { return nil }
    let end = isHeld ? max(Int(offset), bytes.count / 2) : bytes.count
    if end > Int(offset) { guard await sink.took(Array(bytes[Int(offset)..<end])) else { return nil } }
    guard isHeld else { return nil }
    signal.yield()
    // Ends when the task is cancelled.
    try? await Task.sleep(for: .seconds(3600))
    return .transient("cut")
  }

  func search(_ words: String, limit: Int) async throws(AtelierError) -> [HubModel] {
    let names = state.withLock { Array($0.files.keys) }
    if names.isEmpty { throw AtelierError(.hubUnreachable, "no hub") }
    return names.filter { "\($0)".contains(words) }.prefix(limit).map {
      HubModel(repository: $0, downloads: 7, likes: 1)
    }
  }
}
