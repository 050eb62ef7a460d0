import AtelierAPI
import AtelierCore
import Testing

struct OpenAICompletionTests {
  private let stamp = ResponseStamp(created: 1, token: "abc")

  private func decode(_ body: JSONValue) throws(AtelierError) -> DecodedRequest<OpenAICompletions.Context> {
    try OpenAICompletions.decode(body, stamp: stamp)
  }

  @Test(
    arguments: [
      ([:], [.text("")]), (["prompt": nil], [.text("")]), (["prompt": ""], [.text("")]),
      (["prompt": "a"], [.text("a")]), (["prompt": ["a", "b"]], [.text("a"), .text("b")]),
      (["prompt": ["a", ""], "suffix": "z"], [.infill(prefix: "a", suffix: "z"), .infill(prefix: "", suffix: "z")]),
      (["prompt": [1, 2]], [.tokens([1, 2])]), (["prompt": [[1], [2, 3]]], [.tokens([1]), .tokens([2, 3])]),
    ] as [(JSONValue, [GenerationInput])])
  func promptsHaveFourForms(body: JSONValue, inputs: [GenerationInput]) throws {
    let decoded = try decode(body)
    #expect(decoded.inputs == inputs)
    #expect(decoded.requests.map(\.input) == inputs)
  }

  @Test func choicesGoPromptByPrompt() throws {
    let decoded = try decode(["prompt": ["a", "b"], "n": 2, "seed": 5, "best_of": 2])
    #expect(decoded.context.choices == 4)
    #expect(decoded.requests.map(\.input) == [.text("a"), .text("a"), .text("b"), .text("b")])
    #expect(decoded.requests.map(\.sampling.seed) == [5, 6, 5, 6])
  }

  @Test func fieldsAreRead() throws {
    let request = try decode([
      "model": "m", "prompt": "x", "max_tokens": -1, "temperature": 0, "stop": "END", "logprobs": 5, "ttl": 9,
      "suffix": "", "user": 3,
    ]).request
    #expect(
      request
        == GenerationRequest(
          model: "m", input: .text("x"), sampling: SamplingParameters(temperature: 0), stop: ["END"], topLogprobs: 5,
          timeToLive: .seconds(9)))
    #expect(try decode(["prompt": "x", "echo": true]).context.echoes == ["x"])
  }

  @Test(
    arguments: [
      (["prompt": []], .invalidValue, "prompt"), (["prompt": 3], .invalidType, "prompt"),
      (["prompt": ["a", 1]], .invalidType, "prompt.1"), (["prompt": [1, "a"]], .invalidType, "prompt.1"),
      (["prompt": [-1]], .invalidValue, "prompt.0"), (["prompt": [[1], [1.5]]], .invalidType, "prompt.1.0"),
      (["prompt": [1], "suffix": "y"], .unsupportedParameter, "suffix"),
      (["prompt": "x", "suffix": 7], .invalidType, "suffix"),
      (["prompt": "x", "best_of": 2], .unsupportedParameter, "best_of"),
      (["prompt": "x", "logprobs": 6], .invalidValue, "logprobs"),
      (["prompt": "x", "echo": true, "logprobs": 1], .unsupportedParameter, "echo"),
      (["prompt": [1], "echo": true], .unsupportedParameter, "echo"),
      (["messages": []], .unsupportedParameter, "messages"), (["tools": []], .unsupportedParameter, "tools"),
      (["prompt": ["a", "b", "c", "d", "e"], "n": 8], .invalidValue, "prompt"),
    ] as [(JSONValue, AtelierError.Code, String)])
  func whatCannotBeDoneIsRefused(body: JSONValue, code: AtelierError.Code, param: String) {
    expectRefusal(code, param) { () throws(AtelierError) in try decode(body) }
  }
}
