import ArgumentParser
import AtelierCore
import Foundation

package struct StatusCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "status", abstract: "Say whether the server runs and what is loaded.")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  package init() {}

  package func run() async throws {
    let status = await ServerStatus.ask(connection)
    guard status.isRunning else {
      if output.json { return Output.json(["server": status.json, "models": []]) }
      Output.line("Server  off")
      throw ExitCode(ExitStatus.noServer.rawValue)
    }
    let client = ServerClient(connection)
    let instances = try await ModelListing.fetch(from: client).instances(try await client.get("/atelier/instances"))
    if output.json {
      return Output.json(["server": status.json, "models": .array(instances.map(JSONValue.object))])
    }
    let process = status.process.flatMap { $0.id > 0 ? " (process \($0.id))" : nil }
    Output.line("Server  on, \(client.address.url)\(process ?? "")")
    Output.line("Models  \(instances.isEmpty ? "none loaded" : "\(instances.count) loaded")")
    guard !instances.isEmpty else { return }
    Output.line("")
    Output.table(ModelTables.instances(instances, now: Int(SystemClock.wallMilliseconds)))
  }
}
