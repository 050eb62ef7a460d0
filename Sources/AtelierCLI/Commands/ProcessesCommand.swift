import ArgumentParser
import AtelierCore
import Foundation

package struct ProcessesCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(commandName: "ps", abstract: "List the loaded models.")

  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var connection: ConnectionOptions

  package init() {}

  package func run() async throws {
    let client = ServerClient(connection)
    let listing = ModelListing(try await client.get("/api/v1/models"))
    let instances = listing.instances(try await client.get("/atelier/instances"))
    if json { return Output.json(.array(instances.map(JSONValue.object))) }
    if instances.isEmpty { return Output.note("No model is loaded.") }
    Output.table(
      ["IDENTIFIER", "MODEL", "STATUS", "SIZE", "CONTEXT", "PARALLEL", "TTL"],
      instances.map { instance in
        [
          instance["identifier"]?.stringValue ?? "", instance["modelKey"]?.stringValue ?? "",
          instance["status"]?.stringValue ?? "", Output.size(instance["sizeBytes"]?.integerValue ?? 0),
          instance["contextLength"]?.integerValue.map(String.init) ?? "",
          instance["parallel"]?.integerValue.map(String.init) ?? "", Self.timeToLive(instance),
        ]
      })
  }

  /// `left / total` in seconds, or nothing for an instance that stays.
  private static func timeToLive(_ instance: JSONObject) -> String {
    guard let total = instance["ttlMs"]?.integerValue else { return "" }
    let now = Int(Date().timeIntervalSince1970 * 1000)
    let idle = instance["status"]?.stringValue == "idle" ? now - (instance["lastUsedTime"]?.integerValue ?? now) : 0
    return "\(max(0, total - idle) / 1000)s / \(total / 1000)s"
  }
}
