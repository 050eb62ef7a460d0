import ArgumentParser
import AtelierMCP

struct MCPRemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "remove", abstract: "Take a server out of mcp.json.")

  @Argument(help: "The server's name.") var name: String

  func run() throws {
    guard try MCPCommand.file.remove(name) else { throw MCPCommand.unknown(name) }
    print("Removed '\(name)'.")
  }
}
