import AtelierAccess
import AtelierCore
import AtelierServer
import AtelierTesting
import Foundation
import Synchronization

/// Tokens in a folder of a test's own, gone when the value goes.
final class TokenFolder: Sendable {
  let clock = TestClock()
  private let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "atelier-tokens-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  private var file: URL { url.appending(path: "tokens.json") }

  func authorizer(failures: Int = 20) -> TokenAuthorizer {
    TokenAuthorizer(
      TokenStore(at: file, use: TokenUse(at: url.appending(path: "token-use.json"))), failures: failures, clock: clock)
  }

  func add(_ permissions: Permissions = .standard, expiresAt: Int64? = nil) throws -> APIToken {
    let token = APIToken.generate()
    try TokenFile(at: file).update {
      try $0.add(TokenRecord(token, name: "test", permissions: permissions, createdAt: 0, expiresAt: expiresAt))
    }
    return token
  }

  func revoke(_ token: APIToken) throws { try TokenFile(at: file).update { _ = try $0.delete(token.id) } }

  func remove() throws { try FileManager.default.removeItem(at: file) }
}

final class Flag: Sendable {
  private let state = Mutex(false)
  var value: Bool {
    get { state.withLock { $0 } }
    set { state.withLock { $0 = newValue } }
  }
}
