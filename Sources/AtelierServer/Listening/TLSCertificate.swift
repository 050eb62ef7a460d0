import Foundation
import NIOCore
import NIOSSL
import Synchronization

/// The certificate a server shows, from files that may change while it runs: new connections get what the files hold then.
package final class TLSCertificate: Sendable {
  /// Says which file is at fault and why, without its content.
  package struct Problem: Error, Sendable, CustomStringConvertible {
    package let description: String
  }

  private struct State {
    var stamps: [Stamp?]
    var context: NIOSSLContext
  }

  private struct Stamp: Hashable {
    var inode: UInt64
    var size: Int64
    var seconds: Int
    var nanoseconds: Int
  }

  private let certificate: String
  private let key: String
  private let onChange: @Sendable (Problem?) -> Void
  private let state: Mutex<State>

  /// - Parameters:
  ///   - certificate: PEM, the server's own first, then those that lead to its root.
  ///   - key: PEM, unencrypted.
  ///   - onChange: told of each new pair; nil: it is in use, else the old one stays.
  package init(
    certificate: String, key: String, onChange: @escaping @Sendable (Problem?) -> Void = { _ in }
  ) throws(Problem) {
    self.certificate = certificate
    self.key = key
    self.onChange = onChange
    let stamps = [certificate, key].map(Self.stamp)
    state = Mutex(State(stamps: stamps, context: try Self.load(certificate, key)))
  }

  func context() -> NIOSSLContext {
    state.withLock { state in
      let stamps = [certificate, key].map(Self.stamp)
      guard stamps != state.stamps else { return state.context }
      state.stamps = stamps
      do throws(Problem) {
        state.context = try Self.load(certificate, key)
        onChange(nil)
      } catch {
        onChange(error)
      }
      return state.context
    }
  }

  private static func load(_ certificate: String, _ key: String) throws(Problem) -> NIOSSLContext {
    let chain: [NIOSSLCertificate]
    do { chain = try NIOSSLCertificate.fromPEMFile(certificate) } catch {
      throw Problem(description: "The TLS certificate file cannot be read as PEM.")
    }
    guard !chain.isEmpty else { throw Problem(description: "The TLS certificate file holds no certificate.") }
    let secret: NIOSSLPrivateKey
    do { secret = try NIOSSLPrivateKey(file: key, format: .pem) } catch {
      throw Problem(description: "The TLS key file cannot be read as an unencrypted PEM key.")
    }
    var configuration = TLSConfiguration.makeServerConfiguration(
      certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(secret))
    configuration.minimumTLSVersion = .tlsv12
    configuration.applicationProtocols = ["http/1.1"]
    // How long a client is waited for that does not say its goodbye.
    configuration.shutdownTimeout = .milliseconds(500)
    do { return try NIOSSLContext(configuration: configuration) } catch {
      throw Problem(description: "The TLS key does not belong to the certificate.")
    }
  }

  private static func stamp(_ path: String) -> Stamp? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return Stamp(
      inode: UInt64(status.st_ino), size: Int64(status.st_size), seconds: Int(status.st_mtim.tv_sec),
      nanoseconds: Int(status.st_mtim.tv_nsec))
  }
}
