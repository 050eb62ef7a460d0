import AtelierAPI
import AtelierCore
import Foundation
import Testing

struct LMStudioV1ChatRequestTests {
  private let minimal: JSONValue = ["model": "m", "input": "Hello"]

  private func decode(_ body: JSONValue) throws(AtelierError) -> DecodedRequest<LMStudioV1Chat.Context> {
    try LMStudioV1Chat.decode(body, stamp: ResponseStamp(created: 0, token: ""))
  }

  @Test func minimalRequestHasTheDocumentedDefaults() throws {
    let decoded = try decode(minimal)
    #expect(decoded.request == GenerationRequest(model: "m", input: .chat([Message(.user, "Hello")]), store: true))
    #expect(!decoded.context.isStreaming)
    #expect(try decode(["model": "m", "input": ""]).request.input == .chat([Message(.user, "")]))
  }

  @Test func everyFieldIsRead() throws {
    let decoded = try decode([
      "model": "m", "input": "Hi", "system_prompt": "Be brief.", "stream": true, "temperature": 0, "top_p": 0.5,
      "top_k": -1, "min_p": 1, "repeat_penalty": 1.25, "max_output_tokens": 64.0, "reasoning": "xhigh",
      "context_length": 2048, "store": false, "previous_response_id": "resp_abc", "ttl": 60, "presence_penalty": -2,
      "frequency_penalty": 2, "seed": 7,
    ])
    #expect(decoded.context.isStreaming)
    #expect(
      decoded.request
        == GenerationRequest(
          model: "m", input: .chat([Message(.user, "Hi")]), systemPrompt: "Be brief.", previousResponseID: "resp_abc",
          store: false,
          sampling: SamplingParameters(
            temperature: 0, topP: 0.5, topK: -1, minP: 1, repeatPenalty: 1.25, presencePenalty: -2, frequencyPenalty: 2,
            seed: 7),
          reasoning: .xhigh, maxOutputTokens: 64, contextLength: 2048, timeToLive: .seconds(60)))
  }

  @Test func minusOneMeansWithoutLimit() throws {
    let request = try decode(minimal.with(["max_output_tokens": -1, "ttl": -1])).request
    #expect(request.maxOutputTokens == nil)
    #expect(request.timeToLive == .never)
  }

  @Test func nullIsAbsent() throws {
    let nulls = minimal.with([
      "temperature": .null, "integrations": .null, "reasoning": .null, "previous_response_id": .null, "store": .null,
    ])
    #expect(try decode(nulls).request == decode(minimal).request)
    expectRefusal(.missingRequiredParameter, "model") { () throws(AtelierError) in
      try decode(minimal.with(["model": .null]))
    }
  }

  @Test(arguments: [(Int64.max, UInt32(0x8000_0000)), (5, 5), (-1, 0), (4_294_967_296, 1)])
  func seedsOfAnySizeFold(seed: Int64, folded: UInt32) throws {
    #expect(try decode(minimal.with(["seed": .integer(seed)])).request.sampling.seed == folded)
  }

  // MARK: Refusals

  @Test(arguments: ["messages", "max_tokens", "tools", "stop", "draft_model", "n"])
  func unknownKeysAreRefusedByName(key: String) {
    expectRefusal(.unrecognizedKeys, key) { () throws(AtelierError) in try decode(minimal.with([key: 1])) }
    let error = failure { () throws(AtelierError) in try decode(minimal.with([key: 1])) }
    #expect(error?.message == "Unrecognized key(s) in object: '\(key)'")
  }

  @Test func severalUnknownKeysHaveNoParam() {
    let error = failure { () throws(AtelierError) in try decode(minimal.with(["foo": 1, "bar": 2])) }
    #expect(error?.message == "Unrecognized key(s) in object: 'foo', 'bar'")
    #expect(error?.param == nil)
  }

  @Test func missingFieldsAreNamed() {
    expectRefusal(.missingRequiredParameter, "model") { () throws(AtelierError) in try decode(["input": "x"]) }
    expectRefusal(.missingRequiredParameter, "input") { () throws(AtelierError) in
      try decode(["model": "m", "stream": true])
    }
    #expect(failure { () throws(AtelierError) in try decode(["input": "x"]) }?.message == "'model' is required")
    expectRefusal(.invalidJSON, nil) { () throws(AtelierError) in try decode([1]) }
  }

  @Test func severalProblemsAreJoinedAndTheFirstDecides() {
    let error = failure { () throws(AtelierError) in try decode(["model": 1, "input": "x", "top_p": 2, "store": "no"]) }
    #expect(error?.code == .invalidType)
    #expect(error?.param == "model")
    #expect(
      error?.message == "'model': expected string, received integer, 'top_p' must be between 0 and 1, "
        + "'store': expected boolean, received string")
  }

  static let wrongValues: [(String, JSONValue)] = [
    ("temperature", 2.1), ("temperature", -0.1), ("top_p", 1.01), ("top_k", -2), ("min_p", -1), ("repeat_penalty", 0),
    ("repeat_penalty", 10.5), ("max_output_tokens", 0), ("max_output_tokens", -2), ("context_length", 0),
    ("context_length", -1), ("reasoning", "extreme"), ("previous_response_id", "abc"), ("ttl", 0), ("ttl", -2),
    ("presence_penalty", 2.5), ("frequency_penalty", -3), ("top_k", 1e300), ("model", ""),
  ]

  @Test(arguments: wrongValues) func valuesOutOfRangeAreRefused(key: String, value: JSONValue) {
    expectRefusal(.invalidValue, key) { () throws(AtelierError) in try decode(minimal.with([key: value])) }
  }

  static let wrongTypes: [(String, JSONValue)] = [
    ("model", 1), ("system_prompt", []), ("stream", "true"), ("temperature", "hot"), ("top_k", 1.5), ("ttl", 1.5),
    ("max_output_tokens", "8"), ("store", 1), ("reasoning", true), ("previous_response_id", 3), ("seed", 0.5),
    ("integrations", "mcp/files"), ("context_length", true),
  ]

  @Test(arguments: wrongTypes) func wrongTypesAreRefused(key: String, value: JSONValue) {
    expectRefusal(.invalidType, key) { () throws(AtelierError) in try decode(minimal.with([key: value])) }
  }

  // MARK: Input

  @Test func itemsFormOneMessage() throws {
    let image = TestImage.png(width: 3, height: 2)
    let request = try decode([
      "model": "m",
      "input": [
        ["type": "text", "content": "a"], ["type": "message", "content": "b"],
        ["type": "image", "data_url": .string(TestImage.dataURL(image, label: "image/jpeg"))],
      ],
    ]).request
    let part = ContentPart.image(ImageData(format: .png, bytes: image, width: 3, height: 2))
    #expect(request.input == .chat([Message(role: .user, content: [.text("a"), .text("b"), part])]))
  }

  static let wrongInputs: [JSONValue] = [
    7, [], ["text"], [["type": "text", "text": "x"]], [["type": "text"]], [["content": "x"]],
    [["type": "text", "content": "x", "role": "user"]], [["type": "image", "image_url": "x"]],
    [["type": "audio", "content": "x"]], [["type": "text", "content": 3]], ["type": "text", "content": "x"],
  ]

  @Test(arguments: wrongInputs) func inputOfNoKnownFormIsAnInvalidUnion(input: JSONValue) {
    expectRefusal(.invalidUnion, "input") { () throws(AtelierError) in try decode(["model": "m", "input": input]) }
  }

  static let wrongImages = [
    "https://example.org/a.png", "file:///etc/passwd", "/tmp/a.png", "data:image/png,abc", "data:image/png;base64,",
    "data:image/png;base64,%%%%", "data:image/png;base64,aGVsbG8=",
    TestImage.dataURL(TestImage.png(width: 0, height: 5)), TestImage.dataURL(TestImage.png(width: 16_385, height: 1)),
    TestImage.dataURL(TestImage.png(width: 10_000, height: 5001)),
    TestImage.dataURL(TestImage.png(width: 4_000_000_000, height: 4_000_000_000)),
    TestImage.dataURL(Data("BM".utf8) + Data(count: 60)),
  ]

  @Test(arguments: wrongImages) func imagesAreCheckedByTheirBytes(url: String) {
    expectRefusal(.invalidImage, "input") { () throws(AtelierError) in
      try decode(["model": "m", "input": [["type": "image", "data_url": .string(url)]]])
    }
  }

  @Test func imagesAreLimitedInNumberAndSize() throws {
    let item: JSONValue = ["type": "image", "data_url": .string(TestImage.dataURL(TestImage.png(width: 1, height: 1)))]
    _ = try decode(["model": "m", "input": .array(Array(repeating: item, count: 16))])
    expectRefusal(.invalidValue, "input") { () throws(AtelierError) in
      try decode(["model": "m", "input": .array(Array(repeating: item, count: 17))])
    }
    let large = TestImage.dataURL(TestImage.png(width: 1, height: 1) + Data(count: 20 * 1024 * 1024))
    expectRefusal(.invalidImage, "input") { () throws(AtelierError) in
      try decode(["model": "m", "input": [["type": "image", "data_url": .string(large)]]])
    }
  }

  // MARK: Integrations

  @Test func integrationsAreRead() throws {
    let request = try decode(
      minimal.with([
        "integrations": [
          "mcp/files", ["type": "plugin", "id": "mcp/files", "allowed_tools": ["read_file"]],
          [
            "type": "ephemeral_mcp", "server_label": "hub", "server_url": "https://example.org/mcp",
            "allowed_tools": [], "headers": ["Authorization": "Bearer abc"],
          ],
        ]
      ])
    ).request
    let hub = EphemeralToolServer(
      label: "hub", url: "https://example.org/mcp",
      headers: [EphemeralToolServer.Header(name: "Authorization", value: Secret("Bearer abc"))], allowedTools: [])
    #expect(
      request.integrations == [
        .plugin(id: "mcp/files", allowedTools: nil), .plugin(id: "mcp/files", allowedTools: ["read_file"]),
        .ephemeral(hub),
      ])
    var dumped = ""
    dump(request, to: &dumped)
    #expect(!dumped.contains("Bearer abc") && !"\(request)".contains("Bearer abc"))
  }

  static let wrongIntegrations: [(JSONValue, AtelierError.Code, String)] = [
    (["type": "plugin", "id": "mcp/a", "timeout": 5], .unrecognizedKeys, "integrations.0"),
    (["type": "plugin"], .missingRequiredParameter, "integrations.0.id"),
    (["id": "mcp/a"], .missingRequiredParameter, "integrations.0.type"),
    (["type": "mcp"], .invalidValue, "integrations.0.type"), (3, .invalidType, "integrations.0"),
    (["type": "ephemeral_mcp", "server_label": "a"], .missingRequiredParameter, "integrations.0.server_url"),
    (["type": "plugin", "id": "a", "allowed_tools": [1]], .invalidType, "integrations.0.allowed_tools.0"),
    (
      ["type": "ephemeral_mcp", "server_label": "a", "server_url": "b", "headers": ["X": 1]], .invalidType,
      "integrations.0.headers"
    ),
  ]

  @Test(arguments: wrongIntegrations)
  func wrongIntegrationsNameTheirPlace(item: JSONValue, code: AtelierError.Code, param: String) {
    expectRefusal(code, param) { () throws(AtelierError) in try decode(minimal.with(["integrations": [item]])) }
  }
}
