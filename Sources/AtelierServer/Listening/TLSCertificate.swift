import AtelierCore
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
    var stamps: [FileStamp?]
    var context: NIOSSLContext
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
    let stamps = [certificate, key].map { FileStamp(path: $0) }
    state = Mutex(State(stamps: stamps, context: try Self.load(certificate, key)))
  }

  func context() -> NIOSSLContext {
    let (context, change) = state.withLock { state -> (NIOSSLContext, Result<Void, Problem>?) in
      let stamps = [certificate, key].map { FileStamp(path: $0) }
      guard stamps != state.stamps else { return (state.context, nil) }
      state.stamps = stamps
      do throws(Problem) {
        state.context = try Self.load(certificate, key)
        return (state.context, .success(()))
      } catch {
        return (state.context, .failure(error))
      }
    }
    switch change {
    case nil: break
    case .success: onChange(nil)
    case .failure(let problem): onChange(problem)
    }
    return context
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
}
