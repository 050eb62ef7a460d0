import ArgumentParser
import AtelierCore

struct VersionCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "version", abstract: "Print the version.")

  @Flag(help: "Print JSON.") var json = false

  func run() {
    print(json ? JSONValue.object(["version": .string(Version.text)]).serialized() : Version.text)
  }
}
