import AtelierCore
import NIOCore

/// How much of the server one client may take.
package struct ServerLimits: Sendable, Hashable {
  /// Bytes.
  package var body: Int
  /// Bytes of all bodies together.
  package var bodies: Int
  package var head: Duration
  package var bodyGap: Duration
  package var idle: Duration
  package var stall: Duration
  package var connections: Int
  package var connectionsPerAddress: Int
  package var drain: Duration

  package init(_ settings: Settings = Settings()) {
    body = settings.maxBodyBytes
    bodies = settings.maxBodiesBytes
    head = .seconds(settings.headSeconds)
    bodyGap = .seconds(settings.bodyGapSeconds)
    idle = .seconds(settings.idleSeconds)
    stall = .seconds(settings.stallSeconds)
    connections = settings.maxConnections
    connectionsPerAddress = settings.maxConnectionsPerAddress
    drain = .seconds(settings.drainSeconds)
  }

  var connection: ConnectionGuard.Limits {
    ConnectionGuard.Limits(head: TimeAmount(head), idle: TimeAmount(idle), stall: TimeAmount(stall))
  }
}
