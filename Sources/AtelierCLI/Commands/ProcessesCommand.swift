import ArgumentParser
import AtelierCore
import Foundation

package struct ProcessesCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(commandName: "ps", abstract: "List the loaded models.")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  package init() {}

  package func run() async throws {
    let client = ServerClient(connection)
    let listing = try await ModelListing.fetch(from: client)
    let instances = listing.instances(try await client.get("/atelier/instances"))
    if output.json { return Output.json(.array(instances.map(JSONValue.object))) }
    if instances.isEmpty { return output.note("No model is loaded.") }
    Output.table(ModelTables.instances(instances, now: Int(SystemClock.wallMilliseconds)))
  }
}
