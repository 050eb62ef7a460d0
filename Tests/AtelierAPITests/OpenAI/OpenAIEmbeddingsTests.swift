import AtelierAPI
import AtelierCore
import Foundation
import Testing

struct OpenAIEmbeddingsTests {
  private let instance = InstanceSelection(
    instanceID: "e", modelKey: "e", architecture: "bert", quantization: "F16", contextLength: 256)
  private let vectors: [[Float]] = [[0.6, 0.8, 0], [0.1, -0.123_456_79, 0.987]]

  private func body(_ changes: KeyValuePairs<String, JSONValue?>) throws(AtelierError) -> JSONValue {
    let base: JSONValue = ["model": "e", "input": ["a", "b"]]
    let command = try OpenAIEmbeddings.decode(base.with(changes))
    return try OpenAIEmbeddings.body(
      of: EmbeddingResult(vectors: vectors, promptTokens: 5), from: instance, for: command)
  }

  @Test func inputsHaveFourForms() throws {
    func inputs(_ value: JSONValue) throws(AtelierError) -> [EmbeddingRequest.Input] {
      try OpenAIEmbeddings.decode(["input": value]).request.inputs
    }
    #expect(try inputs("a") == [.text("a")])
    #expect(try inputs(["a", "b"]) == [.text("a"), .text("b")])
    #expect(try inputs([1, 2]) == [.tokens([1, 2])])
    #expect(try inputs([[1], [2]]) == [.tokens([1]), .tokens([2])])
    #expect(try inputs(.array(Array(repeating: "x", count: 2048))).count == 2048)
  }

  @Test(
    arguments: [
      ([:], .missingRequiredParameter, "input"), (["input": ""], .invalidValue, "input"),
      (["input": []], .invalidValue, "input"), (["input": ["a", ""]], .invalidValue, "input.1"),
      (["input": [[]]], .invalidValue, "input.0"), (["input": true], .invalidType, "input"),
      (["input": "a", "encoding_format": "int8"], .invalidValue, "encoding_format"),
      (["input": "a", "dimensions": 0], .invalidValue, "dimensions"),
      (["input": .array(Array(repeating: "x", count: 2049))], .invalidValue, "input"),
    ] as [(JSONValue, AtelierError.Code, String)])
  func wrongRequestsAreRefused(body: JSONValue, code: AtelierError.Code, param: String) {
    expectRefusal(code, param) { () throws(AtelierError) in try OpenAIEmbeddings.decode(body) }
  }

  @Test func theBodyIsOpenAIs() throws {
    #expect(
      try body([:]).serialized()
        == #"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.6,0.8,0.0]},"#
        + #"{"object":"embedding","index":1,"embedding":[0.1,-0.12345679,0.987]}],"model":"e","#
        + #""usage":{"prompt_tokens":5,"total_tokens":5}}"#)
  }

  @Test func base64HoldsTheSameNumbers() throws {
    let data = try #require(try body(["encoding_format": "base64"])["data"]?.arrayValue)
    for (vector, entry) in zip(vectors, data) {
      let text = try #require(entry["embedding"]?.stringValue)
      let bytes = Array(try #require(Data(base64Encoded: text)))
      let numbers = stride(from: 0, to: bytes.count, by: 4).map { start in
        var bits: UInt32 = 0
        for place in (0..<4).reversed() { bits = bits << 8 | UInt32(bytes[start + place]) }
        return Float(bitPattern: bits)
      }
      #expect(numbers == vector)
    }
  }

  @Test func shortVectorsAreOfUnitLengthAgain() throws {
    let data = try #require(try body(["dimensions": 2])["data"]?.arrayValue)
    for entry in data {
      let values = try #require(entry["embedding"]?.arrayValue)
      let numbers = values.compactMap(\.doubleValue)
      #expect(numbers.count == 2)
      #expect(abs(numbers.reduce(0) { $0 + $1 * $1 } - 1) < 1e-6)
    }
    #expect(try body(["dimensions": 3]) == (try body([:])))
    expectRefusal(.invalidValue, "dimensions") { () throws(AtelierError) in try body(["dimensions": 4]) }
  }

  @Test func v0NamesTheVariant() throws {
    let command = try OpenAIEmbeddings.decode(["model": "e", "input": "a"])
    let body = try LMStudioV0Embeddings.body(
      of: EmbeddingResult(vectors: [[1]], promptTokens: 2), from: instance, for: command)
    #expect(body["model"] == "e@f16")
    #expect(body["usage"]?["prompt_tokens"] == 2)
  }
}
