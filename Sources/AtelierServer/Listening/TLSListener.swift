import HummingbirdCore
import Logging
import NIOCore
import NIOSSL

/// Connections behind TLS, each with the certificate of the moment it began.
struct TLSListener<Base: ServerChildChannel>: ServerChildChannel {
  typealias Value = Base.Value

  let base: Base
  let certificate: TLSCertificate

  func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
    do {
      try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: certificate.context()))
    } catch {
      return channel.eventLoop.makeFailedFuture(error)
    }
    return base.setup(channel: channel, logger: logger)
  }

  func handle(value: Value, logger: Logger) async { await base.handle(value: value, logger: logger) }
}

extension HTTPServerBuilder {
  /// The channel in TLS, where there is a certificate.
  static func channel<Base: ServerChildChannel>(
    in certificate: TLSCertificate?, _ base: @escaping @Sendable (@escaping HTTPChannelHandler.Responder) throws -> Base
  ) -> HTTPServerBuilder {
    HTTPServerBuilder { responder in
      guard let certificate else { return try base(responder) }
      return TLSListener(base: try base(responder), certificate: certificate)
    }
  }
}
