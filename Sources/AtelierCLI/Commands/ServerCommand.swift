import ArgumentParser
import AtelierCore
import Foundation

package struct ServerCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "server", abstract: "Start and stop the server in the background.",
    subcommands: [Start.self, Stop.self, Status.self])

  package init() {}

  package struct Start: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Start the server in the background, unless it runs.",
      discussion: "What follows '--' goes to 'atelier serve', such as -- --set jit.enabled=false.")

    @Option(name: .shortAndLong, help: "Port to listen on; by default the last one, or 1234.") var port: Int?
    @Option(help: "Address to listen on.") var bind: String?
    @Flag(help: "Let web pages call the server.") var cors = false
    @Flag(help: "Listen beyond this machine without authentication.") var insecure = false
    @OptionGroup var output: OutputOptions
    @Argument(parsing: .postTerminator, help: "Flags for 'atelier serve'.") var others: [String] = []

    package init() {}

    package func run() async throws {
      let environment = ProcessInfo.processInfo.environment
      let directory = DataDirectory.standard(environment: environment)
      let (state, wasRunning) = try await Self.ensure(
        directory,
        arguments: StartArguments(port: port, bind: bind, cors: cors, insecure: insecure, others: others)
          .words(directory: directory, environment: environment))
      if output.json {
        return Output.json([
          "running": true, "port": state.networkPort.map { .integer(Int64($0)) } ?? .null,
          "pid": .integer(Int64(state.processID)),
          "started": .bool(!wasRunning),
        ])
      }
      if wasRunning, let port, port != state.port {
        throw CommandFailure("The server already runs on \(state.place); stop it first.")
      }
      Output.line(
        wasRunning
          ? "The server is already running on \(state.place)."
          : "Success! Server is now running on \(state.place)")
      output.note("Its log is \(directory.serverLog.path(percentEncoded: false))")
    }

    /// The running server's state, after starting one if there is none.
    static func ensure(
      _ directory: DataDirectory, arguments: [String]
    ) async throws -> (state: ServerState, wasRunning: Bool) {
      if let process = ServerProcess.running(in: directory) {
        // It may have been started a moment ago and not listen yet.
        for _ in 0..<200 {
          if let state = ServerState.read(from: directory), state.processID == process.id || process.id <= 0 {
            return (state, true)
          }
          try await Task.sleep(for: .milliseconds(50))
        }
        throw CommandFailure(
          "A server (process \(process.id)) uses the data folder, but does not say where it listens.")
      }
      return (try await BackgroundServer(directory: directory).start(arguments), false)
    }
  }

  package struct Stop: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Stop the server of this data folder and wait until it has ended.")

    @Flag(name: .shortAndLong, help: "End running answers at once.") var force = false
    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() async throws {
      let directory = DataDirectory.standard(environment: ProcessInfo.processInfo.environment)
      guard let process = ServerProcess.running(in: directory) else {
        throw CommandFailure("The server is not running.")
      }
      let state = ServerState.read(from: directory)
      try await process.stop(in: directory, atOnce: force)
      if output.json {
        return Output.json(["stopped": true, "port": state?.networkPort.map { .integer(Int64($0)) } ?? .null])
      }
      Output.line("Stopped the server" + (state.map { " on \($0.place)." } ?? "."))
    }
  }

  package struct Status: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Say whether the server runs, and where it listens.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() async throws {
      let status = await ServerStatus.ask(connection)
      if output.json { return Output.json(status.json) }
      guard status.isRunning, let address = status.address else {
        Output.line("The server is not running.")
        throw ExitCode(ExitStatus.noServer.rawValue)
      }
      Output.line("The server is running on \(address.place).")
    }
  }
}
