import ArgumentParser
import AtelierCLI

@main
struct Atelier: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    // Installed under LM Studio's name too, so that scripts written for its command line work.
    commandName: CommandLine.arguments.first?.split(separator: "/").last == "lms" ? "lms" : "atelier",
    abstract: "Serve language models of this machine to OpenAI- and LM Studio-compatible clients.",
    subcommands: [
      ServeCommand.self, ListCommand.self, ProcessesCommand.self, LoadCommand.self, UnloadCommand.self,
      ServerCommand.self, ConfigCommand.self, VersionCommand.self,
    ])
}

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

  func run() { print(Version.text) }
}

enum Version {
  static let text = "0.1.0"
}
