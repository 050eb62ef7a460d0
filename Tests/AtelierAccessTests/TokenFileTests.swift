import AtelierCore
import Foundation
import Synchronization
import Testing

@testable import AtelierAccess

struct TokenFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private var url: URL { folder.url.appending(path: "tokens.json") }
  private var useURL: URL { folder.url.appending(path: "token-use.json") }
  private var file: TokenFile { TokenFile(at: url) }

  private func add(_ token: APIToken, expiresAt: Int64? = nil) throws {
    try file.update {
      try $0.add(TokenRecord(token, name: "n", permissions: .standard, createdAt: 5, expiresAt: expiresAt))
    }
  }

  private func mode(_ url: URL) throws -> Int? {
    try FileManager.default.attributesOfItem(atPath: url.path(percentEncoded: false))[.posixPermissions] as? Int
  }

  @Test func theFileIsTheOwnersAndHoldsNoSecret() throws {
    let token = APIToken.generate()
    try add(token)
    #expect(try mode(url) == 0o600)
    #expect(try !String(contentsOf: url, encoding: .utf8).contains(token.secret.value))
    let record = try #require(try file.read().record(token.id))
    #expect(record.name == "n" && record.permissions == .standard && record.createdAt == 5 && record.expiresAt == nil)
    // Nothing else is left behind, and nobody else may read what is.
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.url.path(percentEncoded: false)).sorted()
    #expect(names == ["tokens.json", "tokens.json.lock"])
    #expect(try mode(folder.url.appending(path: "tokens.json.lock")) == 0o600)
  }

  @Test func tokensAreEditedAndDeleted() throws {
    let token = APIToken.generate()
    try add(token)
    try file.update {
      try $0.edit(token.id, name: "other", permissions: Permissions(names: ["inference"]), expiresAt: .some(99))
    }
    let record = try #require(try file.read().record(token.id))
    #expect(record.name == "other" && record.permissions.names == ["inference"] && record.expiresAt == 99)
    #expect(record.matches(token.secret))
    try file.update { try $0.edit(token.id, expiresAt: .some(nil)) }
    #expect(try file.read().record(token.id)?.expiresAt == nil)
    try file.update { try $0.delete(token.id) }
    #expect(try file.read().records.isEmpty)
    #expect(throws: TokenBook.Problem.self) { try file.update { try $0.delete(token.id) } }
    #expect(throws: TokenBook.Problem.self) { try file.update { try $0.edit("x", name: "y") } }
    for name in ["", String(repeating: "x", count: 101), "a\nb"] {
      let record = TokenRecord(.generate(), name: name, permissions: .standard, createdAt: 5, expiresAt: nil)
      #expect(throws: TokenBook.Problem.self) { try file.update { try $0.add(record) } }
    }
  }

  @Test func manyEditorsAtOnceLoseNothing() async throws {
    let file = self.file
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<16 {
        group.addTask {
          try file.update {
            try $0.add(
              TokenRecord(.generate(), name: "\(index)", permissions: .standard, createdAt: 5, expiresAt: nil))
          }
        }
      }
      try await group.waitForAll()
    }
    #expect(Set(try file.read().records.map(\.name)).count == 16)
  }

  @Test(arguments: [
    "", "{", "[]", #"{"version":2,"tokens":[]}"#, #"{"version":1}"#, #"{"version":1,"tokens":[{"id":"Ab12Cd34"}]}"#,
  ])
  func aFileThatIsNoListIsLeftAloneAndKnowsNoToken(content: String) throws {
    try Data(content.utf8).write(to: url)
    #expect(throws: TokenFile.Problem.self) { try file.read() }
    #expect(throws: TokenFile.Problem.self) { try add(.generate()) }
    #expect(try String(contentsOf: url, encoding: .utf8) == content)
    #expect(store.verdict(on: .generate()) == .unknown)
  }

  private var store: TokenStore { TokenStore(at: url, use: TokenUse(at: useURL)) }

  @Test func aRunningServerKnowsEveryChangeAtOnce() throws {
    let (store, token) = (self.store, APIToken.generate())
    #expect(store.verdict(on: token) == .unknown)
    try add(token)
    guard case .valid(let record) = store.verdict(on: token) else {
      Issue.record("unknown")
      return
    }
    #expect(record.id == token.id)
    let impostor = try #require(APIToken(Secret("sk-lm-\(token.id):01234567890123456789")))
    #expect(store.verdict(on: impostor) == .unknown)
    try file.update { try $0.edit(token.id, expiresAt: .some(1000)) }
    guard case .valid = store.verdict(on: token, now: 999) else {
      Issue.record("expired too early")
      return
    }
    #expect(store.verdict(on: token, now: 1000) == .expired)
    #expect(store.verdict(on: impostor, now: 1000) == .unknown)
    try file.update { try $0.delete(token.id) }
    #expect(store.verdict(on: token) == .unknown)
  }

  @Test func whatCannotBeTrustedKnowsNoToken() throws {
    let token = APIToken.generate()
    try add(token)
    let reasons = Reasons()
    let store = TokenStore(at: url, use: TokenUse(at: useURL)) { reasons.add($0) }
    #expect(store.verdict(on: token) != .unknown)
    let path = url.path(percentEncoded: false)
    #expect(chmod(path, 0o622) == 0)
    #expect(store.verdict(on: token) == .unknown && store.verdict(on: token) == .unknown)
    #expect(chmod(path, 0o600) == 0)
    #expect(store.verdict(on: token) != .unknown)
    try FileManager.default.removeItem(at: url)
    #expect(store.verdict(on: token) == .unknown)
    #expect(reasons.all.count == 2)
    #expect(reasons.all.allSatisfy { !$0.contains(path) })
  }

  @Test func lastUseIsKeptApart() throws {
    let token = APIToken.generate()
    try add(token)
    let before = try Data(contentsOf: url)
    _ = store.verdict(on: token, now: 1_700_000_000_000)
    #expect(TokenUse.read(useURL) == [token.id: 1_700_000_000_000])
    #expect(try mode(useURL) == 0o600)
    #expect(try Data(contentsOf: url) == before)
    // A damaged one costs nothing but the times.
    try Data("{".utf8).write(to: useURL)
    #expect(store.verdict(on: token) != .unknown)
  }
}

private final class Reasons: Sendable {
  private let texts = Mutex<[String]>([])
  func add(_ text: String) { texts.withLock { $0.append(text) } }
  var all: [String] { texts.withLock { $0 } }
}

/// A folder of a test's own, gone when the value goes.
private final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "atelier-access-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }
}
