import AtelierCore
import Testing

@testable import AtelierMCP

struct ToolListTests {
  private func tool(_ name: String, _ more: JSONObject = [:]) -> JSONValue {
    var tool: JSONObject = ["name": .string(name), "inputSchema": ["type": "object"]]
    for (key, value) in more { tool[key] = value }
    return .object(tool)
  }

  private func page(_ tools: [JSONValue], next: String? = nil) -> JSONObject {
    var page: JSONObject = ["tools": .array(tools)]
    if let next { page["nextCursor"] = .string(next) }
    return page
  }

  @Test func pagesAddUpAndARepeatedNameCountsOnce() throws {
    var list = ToolList(version: .november2025, limits: MCPLimits())
    #expect(try list.add(page([tool("a"), tool("b")], next: "2")) == "2")
    #expect(try list.add(page([tool("b"), tool("c")])) == nil)
    #expect(list.tools.map(\.name) == ["a", "b", "c"])
  }

  @Test func aListWithoutEndIsRefused() throws {
    var list = ToolList(version: .november2025, limits: MCPLimits())
    for number in 1..<16 { #expect(try list.add(page([tool("t\(number)")], next: "\(number)")) != nil) }
    #expect(throws: MCPError.self) { try list.add(page([], next: "16")) }
    var circle = ToolList(version: .november2025, limits: MCPLimits())
    #expect(try circle.add(page([], next: "x")) == "x")
    #expect(throws: MCPError.self) { try circle.add(page([], next: "x")) }
  }

  @Test func aToolThatCannotBeOfferedIsLeftOut() throws {
    var limits = MCPLimits()
    limits.schemaBytes = 200
    limits.descriptionBytes = 5
    var list = ToolList(version: .november2025, limits: limits)
    let large = JSONValue.string(String(repeating: "x", count: 300))
    _ = try list.add(
      page([
        tool("good", ["description": "añño!!", "outputSchema": nil]), tool("", [:]), 5, tool("odd", ["inputSchema": 5]),
        tool("large", ["inputSchema": ["type": "object", "description": large]]),
        tool("task", ["execution": ["taskSupport": "required"]]),
      ]))
    #expect(list.tools.map(\.name) == ["good"])
    #expect(list.tools.first?.description == "añ\u{f1}" && list.tools.first?.outputSchema == Optional.none)
    #expect(list.problems.count == 5)
  }

  @Test func hintsForClientsAreKeptAsTheyAreUnlessTheyAreNone() throws {
    var limits = MCPLimits()
    limits.annotationBytes = 40
    var list = ToolList(version: .november2025, limits: limits)
    let large = JSONValue.string(String(repeating: "x", count: 40))
    _ = try list.add(
      page([
        tool("a", ["annotations": ["readOnlyHint": true, "own": 5]]), tool("b", ["annotations": "x"]),
        tool("c", ["annotations": ["title": large]]), tool("d"),
      ]))
    #expect(list.tools.map(\.offer.annotationsJSON) == [#"{"readOnlyHint":true,"own":5}"#, nil, nil, nil])
  }

  @Test func theServersTimeLimitIsTheShortestOfAllPages() throws {
    var list = ToolList(version: .july2026, limits: MCPLimits())
    for (milliseconds, next) in [(5000, "1"), (200, "2"), (-4, nil)] as [(Int64, String?)] {
      var page = page([], next: next)
      page["ttlMs"] = .integer(milliseconds)
      _ = try list.add(page)
    }
    #expect(list.lifetime == .zero)
  }

  // MARK: Arguments as headers

  private func headers(_ schema: JSONValue, _ arguments: JSONObject = [:]) -> [String]? {
    ParameterHeaders(schema: schema)?.headers(for: arguments).map { "\($0.name): \($0.value)" }
  }

  @Test func argumentsThatAToolWantsAsHeadersAreRepeated() {
    let schema: JSONValue = [
      "type": "object",
      "properties": [
        "region": ["type": "string", "x-mcp-header": "Region"],
        "deep": ["type": "object", "properties": ["on": ["type": "boolean", "x-mcp-header": "On"]]],
        "count": ["type": "integer", "x-mcp-header": "Count"],
      ],
    ]
    #expect(
      headers(schema, ["region": "naïve", "deep": ["on": true], "count": 3])
        == ["Mcp-Param-Count: 3", "Mcp-Param-On: true", "Mcp-Param-Region: =?base64?bmHDr3Zl?="])
    #expect(headers(schema, ["region": nil, "deep": 5]) == [])
  }

  @Test(
    arguments: [
      ["properties": ["a": ["type": "number", "x-mcp-header": "A"]]],
      ["properties": ["a": ["type": "string", "x-mcp-header": "no token"]]],
      ["properties": ["a": ["type": "string", "x-mcp-header": 5]]], ["x-mcp-header": "Root", "type": "string"],
      ["properties": ["a": ["type": "array", "items": ["type": "string", "x-mcp-header": "A"]]]],
      [
        "properties": [
          "a": ["type": "string", "x-mcp-header": "A"], "b": ["type": "string", "x-mcp-header": "a"],
        ]
      ],
    ] as [JSONValue])
  func aWrongAnnotationHidesTheTool(_ schema: JSONValue) throws {
    #expect(headers(schema) == nil)
    var list = ToolList(version: .july2026, limits: MCPLimits())
    _ = try list.add(page([tool("t", ["inputSchema": schema])]))
    #expect(list.tools.isEmpty && list.problems.count == 1)
  }

  @Test(arguments: [
    ("plain", "plain"), ("", ""), (" edge", "=?base64?IGVkZ2U=?="), ("=?base64?x?=", "=?base64?PT9iYXNlNjQ/eD89?="),
    ("a\nb", "=?base64?YQpi?="),
  ])
  func aHeadersTextSurvivesTheWay(_ text: String, _ expected: String) { #expect(HeaderText.encode(text) == expected) }
}
