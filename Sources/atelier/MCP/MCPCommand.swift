import ArgumentParser
import AtelierCLI
import AtelierCore
import AtelierMCP
import Foundation

/// `atelier mcp`: the servers of mcp.json. A running server notices changes of the file by itself.
struct MCPCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "mcp", abstract: "Show, change and try the MCP servers of mcp.json.",
    subcommands: [MCPListCommand.self, MCPAddCommand.self, MCPRemoveCommand.self, MCPTestCommand.self],
    defaultSubcommand: MCPListCommand.self)

  static var file: MCPConfigurationFile {
    MCPConfigurationFile(DataDirectory.standard(environment: ProcessInfo.processInfo.environment).mcp)
  }

  static func unknown(_ label: String) -> CommandFailure {
    CommandFailure("mcp.json has no server '\(label)'. 'atelier mcp list' shows all.")
  }
}
