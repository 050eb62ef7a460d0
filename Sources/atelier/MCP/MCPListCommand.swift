import ArgumentParser
import AtelierCore
import AtelierEgress
import AtelierMCP

struct MCPListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "Every server, without its secrets.")

  @Flag(help: "Print JSON.") var json = false

  func run() throws {
    let configuration = try MCPCommand.file.read()
    if json { return print(JSONValue.array(configuration.entries.map(Self.json)).serialized()) }
    if configuration.entries.isEmpty, configuration.problems.isEmpty {
      print("There are no servers. Add one with 'atelier mcp add'.")
    }
    let width = (configuration.entries.map(\.label) + configuration.problems.map(\.label)).map(\.count).max() ?? 0
    func row(_ label: String, _ text: String) {
      print("\(label)\(String(repeating: " ", count: width - label.count))  \(text)")
    }
    for entry in configuration.entries {
      row(entry.label, Self.summary(entry) + (entry.isDisabled ? "  (disabled)" : ""))
    }
    for problem in configuration.problems { row(problem.label, "cannot be used: \(problem.reason)") }
  }

  static func summary(_ entry: MCPServerEntry) -> String {
    switch entry.kind {
    case .program(let command): ([command.command] + command.arguments).joined(separator: " ")
    case .remote(let url, _): url.description
    }
  }

  private static func json(_ entry: MCPServerEntry) -> JSONValue {
    var object: JSONObject = ["label": .string(entry.label), "id": .string(PluginID.prefix + entry.label)]
    switch entry.kind {
    case .program(let command):
      object["command"] = .string(command.command)
      object["args"] = .array(command.arguments.map(JSONValue.string))
      object["env"] = .array(command.environment.keys.sorted().map(JSONValue.string))
    case .remote(let url, let headers):
      object["url"] = .string(url.description)
      object["headers"] = .array(headers.map { .string($0.name) })
    }
    object["disabled"] = .bool(entry.isDisabled)
    return .object(object)
  }
}
