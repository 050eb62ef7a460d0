import ArgumentParser
import AtelierCore
import AtelierMCP

struct MCPAddCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add", abstract: "Add a server, or replace the one of that name.",
    discussion: """
      atelier mcp add hub --url https://example.org/mcp --header "Authorization: Bearer …"
      atelier mcp add files --env TOKEN=… -- npx -y some-mcp-server
      atelier mcp add '{"mcpServers": {"hub": {"url": "https://example.org/mcp"}}}'
      atelier mcp add 'lmstudio://add_mcp?name=hub&config=…'
      """)

  @Argument(help: "A name; or JSON or a link that holds it all.") var text: String
  @Option(help: "The name, where JSON has none or another.") var name: String?
  @Option(help: "Address of a remote server.") var url: String?
  @Option(help: "A header of a remote server, as 'Name: value'; may be repeated.") var header: [String] = []
  @Option(help: "A variable of a program, as NAME=value; may be repeated.") var env: [String] = []
  @Option(help: "Folder a program runs in.") var cwd: String?
  @Option(help: "Milliseconds a call may take without a sign of progress.") var timeout: Int?
  @Argument(parsing: .postTerminator, help: "The program and its arguments, after --.") var command: [String] = []

  func run() throws {
    let file = MCPCommand.file
    for addition in try additions() {
      try file.set(addition.label, to: addition.value)
      print("Added '\(addition.label)' as \(PluginID.prefix)\(addition.label).")
    }
  }

  private func additions() throws -> [ServerAddition] {
    guard url != nil || !command.isEmpty else {
      guard header.isEmpty, env.isEmpty, cwd == nil, timeout == nil else {
        throw ValidationError("--header, --env, --cwd and --timeout belong to --url or to a program after --.")
      }
      return try ServerAddition.parse(text, label: name)
    }
    var entry = JSONObject()
    if let url {
      guard command.isEmpty, env.isEmpty, cwd == nil else {
        throw ValidationError("A server has either --url or a program after --.")
      }
      entry["url"] = .string(url)
      if !header.isEmpty { entry["headers"] = .object(JSONObject(try header.map { try Self.pair($0, ":") })) }
    } else {
      guard header.isEmpty else { throw ValidationError("--header belongs to --url.") }
      entry["command"] = .string(command[0])
      if command.count > 1 { entry["args"] = .array(command.dropFirst().map(JSONValue.string)) }
      if !env.isEmpty { entry["env"] = .object(JSONObject(try env.map { try Self.pair($0, "=") })) }
      if let cwd { entry["cwd"] = .string(cwd) }
    }
    if let timeout { entry["timeout"] = .integer(Int64(timeout)) }
    return try ServerAddition.parse(JSONValue.object(entry).serialized(), label: name ?? text)
  }

  private static func pair(_ text: String, _ separator: Character) throws -> (String, JSONValue) {
    guard let place = text.firstIndex(of: separator), place > text.startIndex else {
      throw ValidationError("'\(text)' must be a name, '\(separator)' and a value.")
    }
    let value = text[text.index(after: place)...]
    return (String(text[..<place]), .string(String(separator == ":" ? value.drop { $0 == " " } : value)))
  }
}
