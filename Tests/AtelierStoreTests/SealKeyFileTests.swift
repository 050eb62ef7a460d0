import AtelierCore
import AtelierStore
import Foundation
import Testing

struct SealKeyFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private var file: URL { folder.url.appending(path: "seal.key") }

  @Test func theKeyIsMadeOnceForItsOwner() throws {
    let key = try SealKeyFile.load(at: file)
    #expect(key.count == 32 && Set(key).count > 8)
    #expect(try SealKeyFile.load(at: file) == key)
    let mode = try FileManager.default.attributesOfItem(atPath: file.path(percentEncoded: false))
    #expect(mode[.posixPermissions] as? Int == 0o600)
  }

  @Test func aFileThatIsNoKeyIsLeftAlone() throws {
    try Data("mine".utf8).write(to: file)
    do {
      _ = try SealKeyFile.load(at: file)
      Issue.record("accepted")
    } catch {
      #expect(error.message.contains("seal.key") && !error.message.contains(folder.url.path(percentEncoded: false)))
    }
    #expect(try Data(contentsOf: file) == Data("mine".utf8))
  }
}
