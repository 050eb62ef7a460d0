import AtelierCore

/// Turns the events of one answer into server-sent events, one by one.
///
/// Fed with streams that keep the contract of `GenerationEvent`. The first event that gives something to send is the point
/// from which the answer is a stream. If that event is `failed`, the answer is no stream at all: `Dialect.response(to:)`
/// is sent with its HTTP status instead.
package protocol StreamEncoder: Sendable {
  /// `choice` is the index of the answer the event belongs to, below `DialectContext.choices`.
  mutating func encode(_ event: GenerationEvent, choice: Int) -> [ServerSentEvent]

  /// What to send after `Dialect.keepAliveSeconds` of silence, nil for nothing.
  mutating func keepAlive() -> ServerSentEvent?
}

extension StreamEncoder {
  package mutating func encode(_ event: GenerationEvent) -> [ServerSentEvent] { encode(event, choice: 0) }
}
