import AtelierCore
import AtelierEgress

/// Where a remote server is, and the way there: under the address rules, with the headers somebody configured for it.
package struct MCPEndpoint: Sendable {
  package let url: WebAddress
  private let headers: [(name: String, value: Secret)]
  private let authorization: Secret?
  private let egress: Egress
  /// Its address is the operator's choice and not checked.
  private let isTrusted: Bool

  /// A header that a caller may not set, or whose value is no header's.
  package struct InvalidHeader: Error, Sendable, Hashable {
    package var name: String
  }

  /// Redirects that stay within the origin.
  private static let mostRedirects = 5
  /// A stream may be silent this long; what waits for an answer has a deadline of its own.
  private static let silence = Duration.seconds(3600)

  /// What the protocol itself sets: a configured value is not sent.
  private static let own: Set<String> = [
    "accept", "content-type", "mcp-session-id", "mcp-protocol-version", "mcp-method", "mcp-name", "last-event-id",
  ]

  package init(
    _ url: WebAddress, headers: [(name: String, value: Secret)], egress: Egress, isTrusted: Bool
  ) throws(InvalidHeader) {
    self.url = url
    self.egress = egress
    self.isTrusted = isTrusted
    var plain: [(name: String, value: Secret)] = []
    var authorization: Secret?
    for (name, value) in headers {
      let lower = name.lowercased()
      guard lower != "authorization" else {
        guard OutboundRequest.isAllowed(name: "x", value: value.value) else { throw InvalidHeader(name: name) }
        authorization = value
        continue
      }
      guard OutboundRequest.isAllowed(name: name, value: value.value) else { throw InvalidHeader(name: name) }
      if !Self.own.contains(lower), !lower.hasPrefix("mcp-param-") { plain.append((name, value)) }
    }
    self.headers = plain
    self.authorization = authorization
  }

  private init(_ other: MCPEndpoint, at url: WebAddress) {
    self.url = url
    headers = other.headers
    authorization = other.authorization
    egress = other.egress
    isTrusted = other.isTrusted
  }

  /// Another address of the same origin; nil when it is of another.
  func at(_ reference: String) -> MCPEndpoint? {
    guard let other = url.resolving(reference), other.origin == url.origin else { return nil }
    return MCPEndpoint(self, at: other)
  }

  /// Throws when the address must not be connected to. Makes no connection.
  package func check() async throws(MCPError) {
    do { try await egress.check(url.origin, trusted: trusted) } catch { throw Self.failure(error) }
  }

  /// Sends and hands the answer to `read`. A redirect is followed when method and origin stay the same; another is
  /// the answer itself.
  func exchange<Value: Sendable>(
    _ method: OutboundRequest.Method, headers own: [(name: String, value: String)], body: [UInt8]? = nil,
    headTimeout: Duration, _ read: (inout OutboundResponse) async throws -> Value
  ) async throws(MCPError) -> Value {
    var place = self
    for _ in 0...Self.mostRedirects {
      var request = OutboundRequest(method, place.url)
      request.headers = headers.map { ($0.name, $0.value.value) } + own
      request.authorization = authorization
      request.body = body
      request.trusted = trusted
      request.headTimeout = headTimeout
      request.idleTimeout = Self.silence
      let outcome: Result<Value, Redirection>
      do {
        outcome = try await egress.withResponse(to: request) { response in
          let keepsMethod = method == .get || [307, 308].contains(response.status)
          if keepsMethod, [301, 302, 303, 307, 308].contains(response.status),
            let next = response.header("location").flatMap(place.at)
          {
            return .failure(Redirection(next: next))
          }
          return .success(try await read(&response))
        }
      } catch {
        throw Self.failure(error)
      }
      switch outcome {
      case .success(let value): return value
      case .failure(let redirection): place = redirection.next
      }
    }
    throw MCPError(.unreachable, "The server redirects without end")
  }

  private struct Redirection: Error {
    var next: MCPEndpoint
  }

  private var trusted: Origin? { isTrusted ? url.origin : nil }

  private static func failure(_ error: any Error) -> MCPError {
    switch error {
    case let error as MCPError: error
    case EgressError.forbiddenAddress:
      MCPError(.forbiddenAddress, "It has a non-public address; the setting egress_allow can list it")
    case EgressError.tooLarge, is EventStreamReader.TooLarge: .tooLarge
    case EgressError.timedOut: .timedOut
    case let error as EgressError: MCPError(.unreachable, PlainText.sentence(error.description))
    case is CancellationError: .cancelled
    default: MCPError(.unreachable, "The connection failed")
    }
  }
}
