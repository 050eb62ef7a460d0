import ArgumentParser
import AtelierCore

package struct ProcessesCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(commandName: "ps", abstract: "List the loaded models.")

  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var connection: ConnectionOptions

  package init() {}

  package func run() async throws {
    let instances = ModelListing(try await ServerClient(connection).get("/api/v1/models")).instances()
    if json { return Output.json(.array(instances.map(JSONValue.object))) }
    if instances.isEmpty { return Output.note("No model is loaded.") }
    Output.table(
      ["IDENTIFIER", "MODEL", "SIZE", "CONTEXT", "PARALLEL"],
      instances.map { instance in
        [
          instance["identifier"]?.stringValue ?? "", instance["modelKey"]?.stringValue ?? "",
          Output.size(instance["sizeBytes"]?.integerValue ?? 0),
          instance["contextLength"]?.integerValue.map(String.init) ?? "",
          instance["parallel"]?.integerValue.map(String.init) ?? "",
        ]
      })
  }
}
