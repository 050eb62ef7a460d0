import ArgumentParser
import AtelierCore

package struct ListCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(commandName: "ls", abstract: "List the models on disk.")

  @Argument(help: "Show only the model with this key.") var key: String?
  @Flag(help: "Language models only.") var llm = false
  @Flag(help: "Embedding models only.") var embedding = false
  @Flag(help: "Show every quantization with its file.") var variants = false
  @Flag(help: .hidden) var detailed = false
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  package init() {}

  package func validate() throws {
    if llm && embedding { throw ValidationError("--llm and --embedding exclude each other.") }
  }

  package func run() async throws {
    let listing = try await ModelListing.fetch(from: ServerClient(connection))
    let entries = listing.entries(kind: llm ? "llm" : embedding ? "embedding" : nil, key: key)
    if let key, entries.isEmpty { throw CommandFailure("No model has the key '\(key)'.") }
    if output.json { return Output.json(.array(entries.map(JSONValue.object))) }
    if entries.isEmpty { return output.note("There is no model yet. Get one with '\(ProgramName.text) get'.") }
    let keys = entries.compactMap { $0["modelKey"]?.stringValue }
    if variants { return Output.table(ModelTables.variants(keys.flatMap(listing.variants))) }
    Output.table(ModelTables.models(entries, isLoaded: listing.isLoaded))
  }
}
