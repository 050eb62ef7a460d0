import AtelierCore
import AtelierEgress
import AtelierMCP
import Foundation
import Testing

struct MCPConfigurationTests {
  private func entry(_ text: String) throws -> MCPServerEntry {
    try MCPServerEntry(label: "x", try JSONValue(parsing: text))
  }

  @Test func bothKindsOfServersAreRead() throws {
    let text = """
      {"other": 1, "mcpServers": {
        "files": {"command": "npx", "args": ["-y", "server"], "env": {"TOKEN": "x", "N": 3}, "cwd": "/tmp", "unknown": 1},
        "hub": {"url": "https://example.org/mcp", "headers": {"Authorization": "Bearer x"}, "timeout": 120000},
        "both": {"command": "a", "url": "https://example.org"}, "neither": {}, "odd": 5,
        "off": {"command": "x", "disabled": true}}}
      """
    let configuration = try MCPConfiguration(parsing: text)
    #expect(configuration.entries.map(\.label) == ["files", "hub", "off"])
    #expect(configuration.problems.map(\.label) == ["both", "neither", "odd"])
    guard case .program(let command) = configuration.entries[0].kind else {
      Issue.record("no program")
      return
    }
    #expect(command.command == "npx" && command.arguments == ["-y", "server"] && command.directory == "/tmp")
    #expect(command.environment == ["TOKEN": Secret("x"), "N": Secret("3")])
    guard case .remote(let url, let headers) = configuration.entries[1].kind else {
      Issue.record("no address")
      return
    }
    #expect(url.description == "https://example.org/mcp" && headers.first?.value.value == "Bearer x")
    #expect(configuration.entries[1].timeout == .seconds(120) && configuration.entries[2].isDisabled)
  }

  @Test(arguments: [
    #"{"command": ""}"#, #"{"command": 5}"#, #"{"command": "a", "args": "b"}"#, #"{"command": "a", "args": [1]}"#,
    #"{"command": "a", "env": {"A=B": "c"}}"#, #"{"command": "a", "env": {"A": {}}}"#, #"{"url": "ftp://x"}"#,
    #"{"url": "https://u:p@x/"}"#, #"{"url": "https://x", "headers": []}"#, #"{"url": "https://x", "timeout": 0}"#,
    #"{"url": "https://x", "timeout": "60"}"#,
  ])
  func anEntryThatMakesNoSenseIsRefused(_ text: String) {
    #expect(throws: MCPServerEntry.Problem.self) { try entry(text) }
  }

  @Test(arguments: ["[]", "{", #"{"mcpServers": []}"#])
  func aTextThatIsNoConfigurationIsRefused(_ text: String) {
    #expect(throws: MCPConfiguration.Unreadable.self) { try MCPConfiguration(parsing: text) }
  }

  @Test func theFileIsEditedInPlaceAndKeepsWhatIsNotOurs() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "atelier-mcp-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = MCPConfigurationFile(folder.appending(path: "mcp.json"))
    let before = try file.read()
    #expect(file.stamp == nil && before == MCPConfiguration())
    try file.set("b", to: ["command": "x", "args": ["1", "2"]])
    try file.set("a", to: ["url": "https://example.org/mcp"])
    #expect(try file.read().entries.map(\.label) == ["b", "a"])
    let attributes = try FileManager.default.attributesOfItem(atPath: file.url.path(percentEncoded: false))
    #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)

    let text = #"{"theirs": {"z": 1, "a": [1.0]}, "mcpServers": {"a": {"command": "x", "theirs": null}}}"#
    try Data(text.utf8).write(to: file.url)
    let stamp = file.stamp
    try file.set("c", to: ["command": "y"])
    #expect(file.stamp != stamp)
    #expect(try file.remove("c") && !(try file.remove("c")))
    #expect(try JSONValue(parsing: try Data(contentsOf: file.url)) == (try JSONValue(parsing: text)))

    try Data("{".utf8).write(to: file.url)
    #expect(throws: MCPConfiguration.Unreadable.self) { try file.set("d", to: ["command": "z"]) }
    #expect(try String(contentsOf: file.url, encoding: .utf8) == "{")
  }

  // MARK: What people paste

  @Test func linksAndJSONAreUnderstood() throws {
    let entry: JSONValue = ["url": "https://example.org/mcp"]
    let coded = Data(entry.serialized().utf8).base64EncodedString()
    let expected = ServerAddition(label: "hub", value: entry)
    #expect(try ServerAddition.parse("lmstudio://add_mcp?name=hub&config=\(coded)") == [expected])
    #expect(
      try ServerAddition.parse("cursor://x/mcp/install?config=\(coded.replacing("=", with: ""))&name=hub") == [expected]
    )
    #expect(try ServerAddition.parse(#"{"mcpServers": {"hub": {"url": "https://example.org/mcp"}}}"#) == [expected])
    #expect(try ServerAddition.parse(#" {"hub": {"url": "https://example.org/mcp"}}"#) == [expected])
    #expect(try ServerAddition.parse(#"{"url": "https://example.org/mcp"}"#, label: "hub") == [expected])
  }

  @Test(arguments: [
    "", "hub", "https://example.org/mcp", "lmstudio://add_mcp?name=hub&config=%%%", #"{"url": "https://example.org"}"#,
    "{}", #"{"hub": {"url": 5}}"#, "{",
  ])
  func otherTextsAreRefused(_ text: String) {
    #expect(throws: ServerAddition.Unreadable.self) { try ServerAddition.parse(text) }
  }
}
