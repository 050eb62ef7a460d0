import AtelierCore

/// How much of the server one client may take.
package struct ServerLimits: Sendable, Hashable {
  /// Bytes.
  package var body: Int
  package var bodyGap: Duration
  package var idle: Duration
  package var stall: Duration
  package var connections: Int
  package var drain: Duration

  package init(_ settings: Settings = Settings()) {
    body = settings.maxBodyBytes
    bodyGap = .seconds(settings.bodyGapSeconds)
    idle = .seconds(settings.idleSeconds)
    stall = .seconds(settings.stallSeconds)
    connections = settings.maxConnections
    drain = .seconds(settings.drainSeconds)
  }

  var bodyReader: BodyReader { BodyReader(limit: body, gap: bodyGap) }
}
