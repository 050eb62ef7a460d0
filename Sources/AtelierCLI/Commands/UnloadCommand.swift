import ArgumentParser
import AtelierCore

package struct UnloadCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(commandName: "unload", abstract: "Unload a model.")

  @Argument(help: "The instance's identifier; may be left out when one model is loaded.") var identifier: String?
  @Flag(name: .shortAndLong, help: "Unload all.") var all = false
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  package init() {}

  package func validate() throws {
    if all && identifier != nil { throw ValidationError("Give an identifier or --all, not both.") }
  }

  package func run() async throws {
    let client = ServerClient(connection)
    let ids = try await targets(client)
    for id in ids {
      _ = try await client.post("/api/v1/models/unload", ["instance_id": .string(id)])
      output.note("Unloaded \(HumanText.plain(id)).")
    }
    if output.json { return Output.json(["unloaded": .array(ids.map(JSONValue.string))]) }
    if ids.isEmpty { output.note("No model is loaded.") }
  }

  private func targets(_ client: ServerClient) async throws -> [String] {
    if let identifier { return [identifier] }
    let listing = try await ModelListing.fetch(from: client)
    let instances = listing.instances(try await client.get("/atelier/instances"))
    let loaded = instances.compactMap { $0["identifier"]?.stringValue }
    if all || loaded.count == 1 { return loaded }
    guard !loaded.isEmpty else { throw CommandFailure("No model is loaded.") }
    guard output.canAsk else {
      throw CommandFailure("Several models are loaded; name one: \(loaded.joined(separator: ", ")), or give --all.")
    }
    guard let place = Terminal.choose("Unload", ModelTables.instances(instances, now: 0), standard: 0) else {
      throw CommandFailure("Nothing was chosen.")
    }
    return [loaded[place]]
  }
}
