import ArgumentParser
import AtelierCore

package struct RemoveCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "rm", abstract: "Delete a model's files.", aliases: ["remove"])

  @Argument(help: "The model's key for all its quantizations, or key@quantization for one.") var key: String
  @Flag(name: .shortAndLong, help: "Delete without asking.") var yes = false
  @Flag(name: .shortAndLong, help: "Unload the model first if it is loaded.") var force = false
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  package init() {}

  package func run() async throws {
    let client = ServerClient(connection)
    if !yes { try await confirm(client) }
    let answer = try await client.delete(
      "/atelier/models/\(ServerClient.escaped(key))" + (force ? "?force=true" : ""))
    if output.json { return Output.json(answer) }
    Output.line("Deleted \(HumanText.plain(key)), \(HumanText.size(answer["freed_bytes"]?.integerValue ?? 0)).")
  }

  private func confirm(_ client: ServerClient) async throws {
    guard output.canAsk else { throw ValidationError("Add --yes to delete without being asked.") }
    let listing = try await ModelListing.fetch(from: client)
    let found = listing.entries(key: key).compactMap { $0["modelKey"]?.stringValue }
    guard !found.isEmpty else { throw CommandFailure("No model has the key '\(key)'.") }
    let variants = found.flatMap(listing.variants)
    let named = variants.filter { $0["name"]?.stringValue?.lowercased() == key.lowercased() }
    Output.warn(
      ModelTables.variants(named.isEmpty ? variants : named).lines(width: Terminal.width).joined(separator: "\n"))
    guard Terminal.confirm("Delete this for good?") else { throw CommandFailure("Nothing was deleted.") }
  }
}
