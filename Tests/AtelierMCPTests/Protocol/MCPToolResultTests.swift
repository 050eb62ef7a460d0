import AtelierCore
import Testing

@testable import AtelierMCP

struct MCPToolResultTests {
  private func text(_ words: String) -> JSONValue { ["type": "text", "text": .string(words)] }

  @Test func theOutputIsTheContentAsJSON() throws {
    let result = try MCPToolResult(["content": [["type": "text", "text": "5"]]])
    #expect(result.output() == #"[{"type":"text","text":"5"}]"#)
    #expect(try MCPToolResult(["content": []]).output() == "[]")
    #expect(try MCPToolResult(["content": [], "structuredContent": nil]).output() == "[]")
  }

  @Test func structuredContentIsAddedUnlessATextSaysIt() {
    let structured: JSONValue = ["b": 1, "a": [2.0]]
    #expect(
      MCPToolResult(content: [text("Done.")], structured: structured).output()
        == JSONValue.array([text("Done."), text(#"{"b":1,"a":[2.0]}"#)]).serialized())
    for said in [#"{"a": [2], "b": 1}"#, #"{"b":1,"a":[2.0]}"#] {
      let result = MCPToolResult(content: [text(said)], structured: structured)
      #expect(result.output() == JSONValue.array([text(said)]).serialized())
    }
    #expect(MCPToolResult(content: [text("5")], structured: ["result": 5]).output() == #"[{"type":"text","text":"5"}]"#)
    #expect(MCPToolResult(content: [text("hi")], structured: ["result": "hi"]).content.count == 1)
    #expect(MCPToolResult(content: [], structured: 7).output() == #"[{"type":"text","text":"7"}]"#)
  }

  @Test func onlySoMuchTextReachesTheModel() throws {
    let image: JSONValue = [
      "type": "image", "data": .string(String(repeating: "A", count: 500)), "mimeType": "image/png",
    ]
    let resource: JSONValue = ["type": "resource", "resource": ["uri": "x:/y", "text": "ééé"]]
    let result = MCPToolResult(content: [text("1234"), image, resource, text("more")])
    let blocks = try #require(try JSONValue(parsing: result.output(limit: 7)).arrayValue)
    #expect(blocks[0] == text("1234") && blocks[1] == image)
    let cut = try #require(blocks[2]["resource"]?["text"]?.stringValue)
    #expect(cut.hasPrefix("é\n[") && blocks[3]["text"]?.stringValue?.hasPrefix("\n[") == true)
  }

  @Test(arguments: [[:], ["content": [["text": "no type"]]], ["content": 5]] as [JSONObject])
  func whatIsNoResultIsRefused(_ object: JSONObject) {
    #expect(throws: MCPError.self) { try MCPToolResult(object) }
  }
}
