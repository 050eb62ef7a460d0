import ArgumentParser
import AtelierCLI
import AtelierCore

@main
struct Atelier: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    // Installed under LM Studio's name too, so that scripts written for its command line work.
    commandName: ProgramName.text,
    abstract: "Serve language models of this machine to OpenAI- and LM Studio-compatible clients.",
    version: Version.text,
    groupedSubcommands: [
      CommandGroup(
        name: "Models",
        subcommands: [
          GetCommand.self, DownloadsCommand.self, ImportCommand.self, ListCommand.self, RemoveCommand.self,
          LoadCommand.self, UnloadCommand.self, ProcessesCommand.self,
        ]),
      CommandGroup(name: "Chats", subcommands: [ChatCommand.self, ChatsCommand.self]),
      CommandGroup(
        name: "Server",
        subcommands: [
          ServeCommand.self, ServerCommand.self, DaemonCommand.self, StatusCommand.self, LogCommand.self,
          MCPCommand.self, ConfigCommand.self, TokenCommand.self, RuntimeCommand.self, VersionCommand.self,
        ]),
    ])

  static func main() async {
    do {
      try UnsupportedCommands.check(CommandLine.arguments.dropFirst())
      var command = try await asyncParseAsRoot(nil)
      if var asynchronous = command as? any AsyncParsableCommand {
        try await asynchronous.run()
      } else {
        try command.run()
      }
    } catch { CommandExit.end(error, of: Self.self) }
  }
}
