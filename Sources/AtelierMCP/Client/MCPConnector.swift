import AtelierCore
import AtelierEgress
import Foundation
import Logging

/// Makes connections: chooses the transport, negotiates, and lists the tools once, all within one limit.
package struct MCPConnector: Sendable {
  package let egress: Egress
  package let identity: ClientIdentity
  package let limits: MCPLimits
  package let clock: any RuntimeClock
  /// Of which server programs get a few harmless variables.
  private let environment: [String: String]
  private let logger: Logger

  package init(
    egress: Egress, identity: ClientIdentity, limits: MCPLimits = MCPLimits(),
    clock: any RuntimeClock = SystemClock(), environment: [String: String], logger: Logger
  ) {
    self.egress = egress
    self.identity = identity
    self.limits = limits
    self.clock = clock
    self.environment = environment
    self.logger = logger
  }

  /// `label`: for the log. `era`: what is known of the server. Throws whatever stands in the way; nothing is left open then.
  package func connect(
    to endpoint: MCPEndpoint, label: String, startingWith era: ProtocolVersion.Era = .stateless,
    within limit: Duration? = nil
  ) async throws(MCPError) -> MCPClient {
    let path = endpoint.url.target.prefix { $0 != "?" }
    let streamable = { @Sendable () -> any MCPTransport in
      StreamableHTTPTransport(endpoint, limits: limits, clock: clock)
    }
    let older = { @Sendable () -> any MCPTransport in EventStreamTransport(endpoint, limits: limits) }
    let order =
      path.hasSuffix("/sse")
      ? [(older, ProtocolVersion.Era.handshake), (streamable, era)]
      : [(streamable, era), (older, ProtocolVersion.Era.handshake)]
    return try await Deadline.within(limit ?? limits.connect, clock) { () throws(MCPError) in
      do throws(MCPError) {
        return try await open(order[0].0(), label, startingWith: order[0].1)
      } catch {
        guard error.suggestsOlderTransport else { throw error }
        // A server that knows neither is described by what it said first.
        do throws(MCPError) { return try await open(order[1].0(), label, startingWith: order[1].1) } catch let second {
          throw second.kind == .timedOut || second.kind == .cancelled ? second : error
        }
      }
    }
  }

  package func connect(
    to command: ServerCommand, label: String, startingWith era: ProtocolVersion.Era = .stateless,
    within limit: Duration? = nil
  ) async throws(MCPError) -> MCPClient {
    let make = { @Sendable () -> any MCPTransport in
      StdioTransport(command, environment: environment, logger: serverLogger(label))
    }
    return try await Deadline.within(limit ?? limits.connect, clock) { () throws(MCPError) in
      do throws(MCPError) {
        return try await open(make(), label, startingWith: era)
      } catch {
        // Some programs end when they are asked what they do not know.
        guard error.kind == .closed, era == .stateless else { throw error }
        return try await open(make(), label, startingWith: .handshake)
      }
    }
  }

  /// A server of mcp.json. Its address is the operator's choice and not checked.
  package func connect(
    to entry: MCPServerEntry, startingWith era: ProtocolVersion.Era = .stateless
  ) async throws(MCPError) -> MCPClient {
    // The operator who lets a server take longer for a call knows that it is slow.
    let limit = min(max(limits.connect, entry.timeout ?? .zero), limits.longestCall)
    switch entry.kind {
    case .program(let command):
      return try await connect(to: command, label: entry.label, startingWith: era, within: limit)
    case .remote(let url, let headers):
      let endpoint: MCPEndpoint
      do throws(MCPEndpoint.InvalidHeader) {
        endpoint = try MCPEndpoint(
          url, headers: headers.map { ($0.name, $0.value) }, egress: egress, isTrusted: true)
      } catch { throw MCPError(.cannotStart, "Its header '\(PlainText.line(error.name, limit: 64))' cannot be sent") }
      return try await connect(to: endpoint, label: entry.label, startingWith: era, within: limit)
    }
  }

  private func open(
    _ transport: any MCPTransport, _ label: String, startingWith era: ProtocolVersion.Era
  ) async throws(MCPError) -> MCPClient {
    let client = MCPClient(
      transport, identity: identity, limits: limits, clock: clock, logger: serverLogger(label))
    do throws(MCPError) {
      try await client.connect(startingWith: era)
      _ = try await client.tools()
      return client
    } catch {
      // Ending a program takes its time, and the caller need not wait for it.
      Task { await client.close() }
      throw error
    }
  }

  private func serverLogger(_ label: String) -> Logger {
    var logger = logger
    logger[metadataKey: "server"] = "\(label)"
    return logger
  }
}
