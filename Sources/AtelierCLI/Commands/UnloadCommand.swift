import ArgumentParser
import AtelierCore

package struct UnloadCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(commandName: "unload", abstract: "Unload a model.")

  @Argument(help: "The instance's identifier; may be left out when one model is loaded.") var identifier: String?
  @Flag(name: .shortAndLong, help: "Unload all.") var all = false
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var connection: ConnectionOptions

  package init() {}

  package func validate() throws {
    if all && identifier != nil { throw ValidationError("Give an identifier or --all, not both.") }
  }

  package func run() async throws {
    let client = ServerClient(connection)
    let ids = try await targets(client)
    for id in ids {
      _ = try await client.post("/api/v1/models/unload", ["instance_id": .string(id)])
      if !json { Output.note("Unloaded \(id).") }
    }
    if json { Output.json(["unloaded": .array(ids.map(JSONValue.string))]) }
  }

  private func targets(_ client: ServerClient) async throws -> [String] {
    if let identifier { return [identifier] }
    let loaded = ModelListing.states(try await client.get("/atelier/instances"))
      .compactMap { $0["identifier"]?.stringValue }
    if all || loaded.count == 1 { return loaded }
    throw CommandFailure(
      loaded.isEmpty
        ? "No model is loaded."
        : "Several models are loaded; name one: \(loaded.joined(separator: ", ")), or give --all.")
  }
}
