import AtelierCore
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import ServiceLifecycle

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Listens, and hands each request to the responder. On graceful shutdown it stops accepting, lets running answers
/// finish within the drain limit, and then asks for the rest to be ended.
package struct HTTPServer: Service {
  package enum Failure: Error, Sendable {
    case portInUse
    case socketInUse
    case cannotListen(String)
  }

  private let responder: ServerResponder
  private let host: String
  private let port: Int
  private let socket: SocketFile?
  private let certificate: TLSCertificate?
  private let limits: ServerLimits
  private let logger: Logger
  private let onListening: @Sendable (_ port: Int) async -> Void
  private let endRequests: @Sendable () async -> Void

  /// - Parameters:
  ///   - port: 0 takes a free one.
  ///   - socket: path of a Unix socket to listen on instead, whatever host and port are.
  ///   - certificate: nil: no TLS.
  ///   - onListening: called once, with the port.
  ///   - endRequests: ends all generations with an error event; called when the drain limit is over.
  package init(
    _ responder: ServerResponder, host: String, port: Int, socket: String? = nil, certificate: TLSCertificate? = nil,
    limits: ServerLimits, logger: Logger,
    onListening: @escaping @Sendable (_ port: Int) async -> Void,
    endRequests: @escaping @Sendable () async -> Void = {}
  ) {
    self.responder = responder
    self.host = host
    self.port = port
    self.socket = socket.map(SocketFile.init)
    self.certificate = certificate
    self.limits = limits
    self.logger = logger
    self.onListening = onListening
    self.endRequests = endRequests
  }

  /// After the ended requests' last events, at most this long until connections are cut.
  private static let farewell = Duration.seconds(3)

  package func run() async throws {
    do throws(SocketFile.Problem) { try socket?.prepare() } catch {
      switch error {
      case .inUse: throw Failure.socketInUse
      case .unusable(let reason): throw Failure.cannotListen(reason)
      }
    }
    // From its first moment the socket is the owner's alone; files made later are as ever.
    let mask = socket.map { _ in umask(0o077) }
    defer {
      if let mask { umask(mask) }
      socket?.remove()
    }
    let server = try server(afterwards: mask)
    do {
      try await withThrowingTaskGroup(of: Bool.self) { group in
        group.addTask {
          try await server.run()
          return true
        }
        group.addTask {
          try await gracefulShutdown()
          try await Task.sleep(for: limits.drain)
          await endRequests()
          try await Task.sleep(for: Self.farewell)
          return false
        }
        _ = try await group.next()
        group.cancelAll()
      }
    } catch let error as IOError {
      throw error.errnoCode == EADDRINUSE ? Failure.portInUse : Failure.cannotListen(String(describing: error))
    } catch is CancellationError {
      return
    }
  }

  /// `mask`: what new files of the process are kept from, once it listens.
  private func server(afterwards mask: mode_t?) throws -> any Service {
    // Above what the guard lets through, which also keeps the time.
    let decoder = HTTP1Channel.Configuration.DecoderConfiguration(
      maxHeaderFieldSize: 32 * 1024, maxHeaderListSize: 128 * 1024, maxHeaderFieldCount: 256)
    let channel = HTTP1Channel.Configuration(idleTimeout: nil, httpDecoderConfiguration: decoder)
    let builder = HTTPServerBuilder.channel(in: certificate) { [limits, certificate] responder in
      GuardedChannel(
        base: HTTP1Channel(responder: responder, configuration: channel), limits: limits.connection,
        addresses: AddressCount(limit: limits.connectionsPerAddress), isSecure: certificate != nil)
    }
    let configuration = ServerConfiguration(
      address: socket.map { .unixDomainSocket(path: $0.path) } ?? .hostname(host, port: port), serverName: nil,
      backlog: 1024, reuseAddress: true,
      availableConnectionsDelegate: MaximumAvailableConnections(limits.connections))
    return try builder.buildServer(
      configuration: configuration, eventLoopGroup: EventLoopGroupProvider.singleton.eventLoopGroup, logger: logger,
      responder: { [responder] request, writer, channel in
        try await Self.serve(request, writer, channel, responder)
      },
      onServerRunning: { [onListening, port, socket] channel in
        if let mask { umask(mask) }
        if let socket { chmod(socket.path, 0o600) }
        await onListening(channel.localAddress?.port ?? port)
      })
  }

  /// The rest of the connection is not worth reading.
  private struct ConnectionDone: Error {}

  private static func serve(
    _ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel, _ responder: ServerResponder
  ) async throws {
    let exchange = Exchange(
      request.head, address: channel.remoteAddress?.ipAddress, sink: ConnectionSink(writer, channel: channel))
    let localPort = channel.localAddress?.port
    func signal(_ signal: ConnectionSignal) { channel.triggerUserOutboundEvent(signal, promise: nil) }
    if responder.endsWithClient(request.head) {
      // Reading ahead is how a client's going is noticed; what it read of a next request would be lost.
      exchange.closeConnectionAfterwards()
      signal(.watchesClient)
      try await request.body.consumeWithCancellationOnInboundClose { body in
        try await responder.respond(to: Request(head: request.head, body: body), exchange, localPort: localPort)
      }
    } else {
      try await responder.respond(to: request, exchange, localPort: localPort)
    }
    guard exchange.closesConnection else { return signal(.answered) }
    signal(.answeredLast)
    try? await channel.closeFuture.get()
    throw ConnectionDone()
  }
}
