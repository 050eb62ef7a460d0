import ArgumentParser
import AtelierCore
import Foundation

/// LM Studio's words for its headless process, which here is the server itself.
package struct DaemonCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "daemon", abstract: "The server in the background, in the words of 'lms daemon'.",
    subcommands: [Up.self, Down.self, Status.self])

  package init() {}

  static var directory: DataDirectory { .standard(environment: ProcessInfo.processInfo.environment) }

  package struct Up: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "Start it, unless it runs.")

    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() async throws {
      let directory = DaemonCommand.directory
      let arguments = StartArguments().words(
        directory: directory, environment: ProcessInfo.processInfo.environment)
      let (state, _) = try await ServerCommand.Start.ensure(directory, arguments: arguments)
      guard output.json else { return Output.line("The daemon is running (process \(state.processID)).") }
      let root = try await ServerClient().get("/")
      Output.json([
        "status": "running", "pid": .integer(Int64(state.processID)), "isDaemon": true,
        "version": root["version"] ?? .null,
      ])
    }
  }

  package struct Down: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "Stop it.")

    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() async throws {
      let directory = DaemonCommand.directory
      if let process = ServerProcess.running(in: directory) {
        try await process.stop(in: directory, atOnce: false)
      } else if !output.json {
        throw CommandFailure("The daemon is not running.")
      }
      if output.json { Output.json(["status": "not-running"]) } else { Output.line("Stopped the daemon.") }
    }
  }

  package struct Status: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "Say whether it runs.")

    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() async throws {
      let process = ServerProcess.running(in: DaemonCommand.directory)
      if output.json {
        return Output.json(
          process.map { ["status": "running", "pid": .integer(Int64($0.id)), "isDaemon": true] }
            ?? ["status": "not-running"])
      }
      guard let process else {
        Output.line("The daemon is not running.")
        throw ExitCode(ExitStatus.noServer.rawValue)
      }
      Output.line("The daemon is running (process \(process.id)).")
    }
  }
}
