import ArgumentParser
import AtelierCore

package struct LoadCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(commandName: "load", abstract: "Load a model.")

  @Argument(help: "The model's key, or key@quantization.") var key: String
  @Option(name: .shortAndLong, help: "Context length in tokens.") var contextLength: Int?
  @Option(help: "Requests answered at the same time.") var parallel: Int?
  @Option(help: "Idle seconds before it is unloaded.") var ttl: Int?
  @Option(help: "The name requests use for it.") var identifier: String?
  @Flag(name: .shortAndLong, help: "Ask nothing.") var yes = false
  @Flag(help: "Print JSON.") var json = false
  @OptionGroup var connection: ConnectionOptions

  package init() {}

  package func run() async throws {
    var body: JSONObject = ["model": .string(key), "echo_load_config": true]
    if let contextLength { body["context_length"] = .integer(Int64(contextLength)) }
    if let parallel { body["parallel"] = .integer(Int64(parallel)) }
    if let ttl { body["ttl"] = .integer(Int64(ttl)) }
    if let identifier { body["identifier"] = .string(identifier) }
    let answer = try await ServerClient(connection).post("/api/v1/models/load", .object(body))
    if json { return Output.json(answer) }
    let seconds = answer["load_time_seconds"]?.doubleValue ?? 0
    Output.note("Loaded in \(seconds) s. To use it in requests, name it:")
    print(answer["instance_id"]?.stringValue ?? "")
  }
}
