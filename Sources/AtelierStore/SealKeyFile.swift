import AtelierCore
import Foundation

/// The key with which the server marks what it hands to clients to keep. It is made at the first start and stays, so that
/// what a client kept is still known after a restart.
package enum SealKeyFile {
  private static let count = 32

  /// Reads the file, or makes it, readable by the owner only. Throws `internalError` naming the file when it can be neither
  /// read nor made; a file of another length is not replaced, as something else may need it.
  package static func load(at url: URL) throws(AtelierError) -> [UInt8] {
    let path = url.path(percentEncoded: false)
    do {
      if !FileManager.default.fileExists(atPath: path) {
        var generator = SystemRandomNumberGenerator()
        let key = Data((0..<count).map { _ in UInt8.random(in: .min ... .max, using: &generator) })
        guard FileManager.default.createFile(atPath: path, contents: key, attributes: [.posixPermissions: 0o600]) else {
          throw CocoaError(.fileWriteNoPermission)
        }
      }
      let key = try Data(contentsOf: url)
      guard key.count == count else { throw CocoaError(.fileReadCorruptFile) }
      return Array(key)
    } catch {
      throw AtelierError(
        .internalError,
        "\(url.lastPathComponent) in the data folder is no key of this server. Move it away to have a new one made.")
    }
  }
}
