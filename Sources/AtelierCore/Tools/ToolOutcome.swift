/// What came of a tool call.
package struct ToolOutcome: Sendable, Hashable {
  /// A JSON array of MCP content blocks as text (native.md 4.8): `[{"type":"text","text":"5"}]`.
  package var output: String
  /// The tool, the connection or the time limit says that the call failed; the output says how.
  package var isError: Bool

  package init(output: String, isError: Bool = false) {
    self.output = output
    self.isError = isError
  }

  /// A failure told in one sentence.
  package static func failure(_ text: String) -> ToolOutcome {
    ToolOutcome(output: JSONValue.array([["type": "text", "text": .string(text)]]).serialized(), isError: true)
  }
}
