import ArgumentParser
import AtelierCLI
import AtelierCore
import AtelierEgress
import AtelierMCP
import Foundation
import Logging

/// Connects as the server would, but from here: the program runs once and ends with the command.
struct MCPTestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test", abstract: "Connect to a server and list its tools.")

  @Argument(help: "The server's name, as in mcp.json.") var name: String
  @Flag(help: "Print JSON.") var json = false
  @Flag(help: "Show what the server's program writes to its standard error.") var verbose = false

  func run() async throws {
    guard let entry = try MCPCommand.file.read().entries.first(where: { $0.label == name }) else {
      throw MCPCommand.unknown(name)
    }
    let client: MCPClient
    do throws(MCPError) { client = try await connect(to: entry) } catch {
      throw CommandFailure("Cannot use '\(name)': \(error.description).")
    }
    let server = await client.server
    let tools: [MCPTool]
    do throws(MCPError) { tools = try await client.tools() } catch {
      await client.close()
      throw CommandFailure("'\(name)' does not list its tools: \(error.description).")
    }
    await client.close()
    if json {
      return print(
        JSONValue.object([
          "label": .string(name), "protocol": server.map { .string($0.version.rawValue) } ?? .null,
          "server": server?.name.map(JSONValue.string) ?? .null,
          "tools": .array(tools.map { .string($0.name) }),
        ]).serialized())
    }
    print("'\(name)' answers: \(server?.name ?? "a server without a name"), MCP \(server?.version.rawValue ?? "?").")
    print(tools.isEmpty ? "It offers no tools." : "Its tools:")
    for tool in tools {
      let summary = (tool.description ?? "").split(separator: "\n").first.map { "  \($0)" } ?? ""
      print("  \(tool.name)\(summary.prefix(100))")
    }
  }

  private func connect(to entry: MCPServerEntry) async throws(MCPError) -> MCPClient {
    let environment = ProcessInfo.processInfo.environment
    let level: Logger.Level = verbose ? .debug : .error
    let logger = Logger(label: "mcp") { label in
      var handler = StreamLogHandler.standardError(label: label)
      handler.logLevel = level
      return handler
    }
    let connector = MCPConnector(
      egress: Egress(policy: AddressPolicy(), proxies: ProxySettings(environment: environment)),
      identity: ClientIdentity(version: Version.text), environment: environment, logger: logger)
    return try await connector.connect(to: entry)
  }
}
