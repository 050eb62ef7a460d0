import ArgumentParser
import AtelierCore
import Foundation

package struct LogCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "log", abstract: "Watch what happens.", subcommands: [Stream.self])

  package init() {}

  enum Source: String, ExpressibleByArgument, CaseIterable { case model, server, runtime }

  package struct Stream: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Show what models are asked and answer, or the log of the server.",
      discussion: "The server's log is there when it was started with 'server start'.")

    @Option(name: .shortAndLong, help: "model, server or runtime.") var source = Source.model
    @Option(help: "Of models: input, output, or both with a comma.") var filter: String?
    @Flag(help: "Of models: figures of each answer.") var stats = false
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    package init() {}

    package func validate() throws {
      if source != .model, filter != nil || stats {
        throw ValidationError("--filter and --stats go with --source model only.")
      }
      if let filter, !Set(filter.split(separator: ",")).isSubset(of: ["input", "output"]) {
        throw ValidationError("--filter takes input, output or both.")
      }
    }

    package func run() async throws {
      switch source {
      case .model: try await models()
      case .server: try await follow { _ in true }
      // The engine's lines carry its process's name.
      case .runtime: try await follow { $0.contains(" worker ") || $0.contains("worker:") }
      }
    }

    private func models() async throws {
      let wanted = (filter.map { $0.split(separator: ",").map(String.init) } ?? ["input", "output"])
        .map { "llm.prediction.\($0)" }
      output.note("Watching; Ctrl-C ends it.")
      let (isJSON, stats) = (output.json, stats)
      try await ServerClient(connection).events("/atelier/log", nil) { event in
        guard let type = event["data"]?["type"]?.stringValue, wanted.contains(type) else { return true }
        let entry = PredictionLogEntry(event)
        if isJSON {
          Output.json(stats ? event : entry.withoutStatistics)
        } else {
          Output.line(entry.text(withStatistics: stats))
        }
        fflush(nil)
        return true
      }
      throw CommandFailure("The server ended, or the token no longer allows watching.", status: .noServer)
    }

    private func follow(_ isWanted: (String) -> Bool) async throws {
      let directory = DataDirectory.standard(environment: ProcessInfo.processInfo.environment)
      guard var file = LogFile(at: directory.serverLog) else {
        throw CommandFailure("There is no log; the server was not started with '\(ProgramName.text) server start'.")
      }
      while true {
        for line in file.newLines() where isWanted(line) {
          if output.json {
            let now = SystemClock.wallMilliseconds
            Output.json([
              "timestamp": .integer(now), "data": ["type": "server.log", "content": .string(line)],
            ])
          } else {
            Output.line(HumanText.plain(line))
          }
        }
        fflush(nil)
        try await Task.sleep(for: .milliseconds(200))
      }
    }
  }
}
