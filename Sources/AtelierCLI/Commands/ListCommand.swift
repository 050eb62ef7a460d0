import ArgumentParser
import AtelierCore

package struct ListCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(commandName: "ls", abstract: "List the models on disk.")

  @Argument(help: "Show only the model with this key.") var key: String?
  @Flag(help: "Language models only.") var llm = false
  @Flag(help: "Embedding models only.") var embedding = false
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var connection: ConnectionOptions

  package init() {}

  package func validate() throws {
    if llm && embedding { throw ValidationError("--llm and --embedding exclude each other.") }
  }

  package func run() async throws {
    let listing = ModelListing(try await ServerClient(connection).get("/api/v1/models"))
    let entries = listing.entries(kind: llm ? "llm" : embedding ? "embedding" : nil, key: key)
    if let key, entries.isEmpty { throw CommandFailure("No model has the key '\(key)'.") }
    if json { return Output.json(.array(entries.map(JSONValue.object))) }
    Output.table(
      ["MODEL", "TYPE", "PARAMS", "ARCH", "SIZE"],
      entries.map { entry in
        [
          entry["modelKey"]?.stringValue ?? "", entry["type"]?.stringValue ?? "",
          entry["paramsString"]?.stringValue ?? "", entry["architecture"]?.stringValue ?? "",
          Output.size(entry["sizeBytes"]?.integerValue ?? 0),
        ]
      })
  }
}
