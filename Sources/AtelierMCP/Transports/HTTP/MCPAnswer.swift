import AtelierCore
import AtelierEgress

/// Reading what a server answers over HTTP.
enum MCPAnswer {
  /// How reading a stream of events ended.
  enum StreamEnd: Sendable {
    /// The answer came; the rest is not read.
    case answered
    /// The stream ended before. With an id it can be gone on with.
    case broken(lastEventID: String?, retry: Duration?)
  }

  static func isEventStream(_ response: OutboundResponse) -> Bool { mediaType(response) == "text/event-stream" }
  static func isJSON(_ response: OutboundResponse) -> Bool { mediaType(response) == "application/json" }

  private static func mediaType(_ response: OutboundResponse) -> String {
    let value = (response.header("content-type") ?? "").prefix { $0 != ";" }
    return PlainText.trimmed(String(value)).lowercased()
  }

  /// The whole body, at most one message long.
  static func body(of response: inout OutboundResponse) async throws -> [UInt8] {
    var bytes: [UInt8] = []
    while let piece = try await response.next() {
      bytes += piece
      guard bytes.count <= MCPLimits.messageBytes else { throw MCPError.tooLarge }
    }
    return bytes
  }

  /// Delivers the messages of a stream. With `id` it reads until an answer comes, which is taken for the answer to that
  /// request whatever id it has: the stream belongs to the request.
  static func read(
    _ response: inout OutboundResponse, for id: RequestID?, _ deliver: @Sendable (TransportEvent) async -> Void
  ) async throws -> StreamEnd {
    var reader = EventStreamReader()
    while true {
      let piece: [UInt8]?
      do { piece = try await response.next() } catch {
        if Task.isCancelled { throw CancellationError() }
        piece = nil
      }
      guard let piece else { return .broken(lastEventID: reader.lastEventID, retry: reader.retry) }
      for event in try reader.feed(piece) where event.name == "message" {
        let messages: [JSONRPCMessage]
        do { messages = try JSONRPCMessage.decode(Array(event.data.utf8)) } catch {
          if id != nil { throw MCPError(.malformed, "The server's answer is malformed: \(error.reason)") }
          await deliver(.remark("sent an event that is no message: \(error.reason)"))
          continue
        }
        for message in messages {
          guard let id, message.isAnswer else {
            await deliver(.message(message))
            continue
          }
          await deliver(.message(message.answering(id)))
          return .answered
        }
      }
    }
  }

  /// What a status above 299 means for a request.
  static func refusal(_ response: inout OutboundResponse, hasSession: Bool) async throws -> MCPError {
    let status = response.status
    if status == 404, hasSession { return MCPError(.sessionLost, "The server no longer knows the session") }
    if isJSON(response), let bytes = try? await body(of: &response),
      case .failure(_, let failure)? = try? JSONRPCMessage.decode(bytes).first
    {
      return .rpc(failure)
    }
    switch status {
    case 401:
      return MCPError(.unauthorized, "The server wants a login (HTTP status 401); send what it needs in 'headers'")
    case 300..<400:
      return MCPError(.http(status: status), "The server redirects to another place, which is not followed")
    default: return MCPError(.http(status: status), "The server answers with HTTP status \(status)")
    }
  }
}
