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
  }

  /// The prompt's tokens are asked for only where the answer shows something of them.
  @Test(
    arguments: [
      (["prompt": "x"], [], false), (["prompt": "x", "logprobs": 2], [], false),
      (["prompt": "x", "echo": true], [.text("x")], false),
      (["prompt": "x", "echo": true, "suffix": "z"], [.text("x")], false),
      (["prompt": ["x", "y"], "echo": true, "logprobs": 0], [.text("x"), .text("y")], true),
      (["prompt": [1, 2], "echo": true], [.tokens], true), (["prompt": [1, 2], "logprobs": 1], [], false),
      (["prompt": [[1], [2]], "echo": true, "logprobs": 1], [.tokens, .tokens], true),
    ] as [(JSONValue, [OpenAIEcho], Bool)])
  func prompts(body: JSONValue, echoes: [OpenAIEcho], scored: Bool) throws {
    let decoded = try decode(body)
    #expect(decoded.context.echoes == echoes)
    #expect(decoded.requests.allSatisfy { $0.scoresPrompt == scored })
  }

  @Test func noTokensAreOfUseWithAnEchoOnly() throws {
    #expect(try decode(["prompt": "x", "echo": true, "max_tokens": 0]).request.maxOutputTokens == 0)
    expectRefusal(.invalidValue, "max_tokens") { () throws(AtelierError) in try decode(["max_tokens": 0]) }
  }

  /// Places count from the text's beginning, also where the tokens hold more or less than the text does.
  @Test(
    arguments: [
      ("Héllo", ["H", "é", "llo"], [0, 1, 2, 5]), ("Héllo", ["<s>", "Hé", "llo"], [0, 0, 2, 5]),
      ("Hello", [" He", "llo"], [0, 2, 5]), ("  Hello", ["He", "llo"], [2, 4, 7]), ("", ["<s>"], [0, 0]),
    ])
  func placesOfThePromptsTokens(prompt: String, pieces: [String], places: [Int]) throws {
    let context = try decode(["prompt": .string(prompt), "echo": true, "logprobs": 1]).context
    func token(_ text: String) -> TokenLogprob {
      TokenLogprob(chosen: .init(token: 1, bytes: Array(text.utf8), logprob: -1), top: [])
    }
    let scores = PromptScores(first: Array(pieces[0].utf8), rest: pieces.dropFirst().map(token))
    let answer = Answer(
      result: GenerationResult(output: [.message("!")]), logprobs: [token("!")], promptScores: scores)
    let choice = try #require(OpenAICompletions.body(of: [answer], in: context)["choices"]?.arrayValue?.first)
    #expect(choice["text"]?.stringValue == prompt + "!")
    let logprobs = try #require(choice["logprobs"])
    #expect(logprobs["tokens"]?.arrayValue?.compactMap(\.stringValue) == pieces + ["!"])
    #expect(logprobs["text_offset"]?.arrayValue?.compactMap(\.integerValue) == places)
    let known = logprobs["token_logprobs"]?.arrayValue ?? []
    #expect(known.first == .null && known.dropFirst().allSatisfy { $0 == -1 } && known.count == places.count)
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
      (["prompt": "x", "echo": true, "logprobs": 1, "suffix": "z"], .unsupportedParameter, "suffix"),
      (["messages": []], .unsupportedParameter, "messages"), (["tools": []], .unsupportedParameter, "tools"),
      (["prompt": ["a", "b", "c", "d", "e"], "n": 8], .invalidValue, "prompt"),
    ] as [(JSONValue, AtelierError.Code, String)])
  func whatCannotBeDoneIsRefused(body: JSONValue, code: AtelierError.Code, param: String) {
    expectRefusal(code, param) { () throws(AtelierError) in try decode(body) }
  }
}
