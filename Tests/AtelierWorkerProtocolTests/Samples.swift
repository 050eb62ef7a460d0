import AtelierCore
import AtelierTesting
import AtelierWorkerProtocol
import Foundation

/// One value of every form the wire knows.
enum Samples {
  static let error = AtelierError(
    .contextLengthExceeded, "The prompt exceeds the context length — “9” > 8.", param: "messages.2.content",
    details: [
      "prompt_tokens": 9, "context_length": 8, "b": true, "n": nil, "d": 0.5, "list": [1, "zwei", [], false],
      "nested": ["z": 1, "a": ["x": -3]],
    ],
    retryAfter: 5)

  static let sampling = SamplingParameters(
    temperature: 0.1, topP: 1, topK: 40, minP: 0.05, repeatPenalty: 1.1, presencePenalty: -2, frequencyPenalty: 2,
    seed: .max, logitBias: [5: -100, 7: 1.5])

  static let chat = EngineRequest(
    input: .chat([
      Message(.system, "Sei höflich.\u{0}/\"\\"),
      Message(
        role: .user,
        content: [
          .text("a"), .image(ImageData(format: .png, bytes: Data([0, 255, 1]), width: 2, height: 3)),
          .image(ImageData(format: .jpeg, bytes: Data(repeating: 7, count: 3000), width: 4, height: 5)),
        ]),
      Message(
        role: .assistant, content: [], reasoning: "hm",
        toolCalls: [ToolCall(id: "c", name: "f", arguments: "{\"b\":1,\"a\":2}")]),
      Message(role: .tool, content: [.text("42")], toolCallID: "c", name: "f"),
    ]),
    tools: [ToolDefinition(name: "f", description: "d", parametersJSON: "{\"z\":1,\"a\":2}")], toolChoice: .named("f"),
    parallelToolCalls: false, sampling: sampling, responseFormat: .jsonSchema("{}"), reasoning: .high,
    templateArgumentsJSON: "{\"x\":1}", maxOutputTokens: 12, stop: ["</s>", "\n"], topLogprobs: 3, dropsOldTurns: true,
    reasoningBudget: 0)

  static let continued: EngineRequest = {
    var request = EngineRequest(input: .text("once"), topLogprobs: 2)
    request.scoresPrompt = true
    request.soFar = AnswerSoFar(tokens: [1, 151_000], draws: 5, callIDs: ["c"], logprobs: [logprob])
    return request
  }()

  static let commands: [WorkerCommand] = [
    .load(
      EngineLoad(
        kind: .llm, files: ["/m/ä.gguf"], projector: "/m/p.gguf", configuration: LoadConfiguration(contextLength: 4096))
    ),
    .predict(id: .max, chat),
    .predict(id: 0, EngineRequest(input: .text("once"))),
    .predict(id: 2, continued),
    .predict(id: 1, EngineRequest(input: .infill(prefix: "a", suffix: "b"))),
    .embed(id: 7, EmbeddingRequest(inputs: [.text("x"), .tokens([1, -2, 3])])),
    .rerank(id: 9, RerankRequest(query: "q", documents: ["ä", ""])),
    .countTokens(id: 8, EngineRequest(input: .tokens([1, 2]))),
    .cancel(id: 300), .ping(99), .shutdown,
  ]

  static let logprob = TokenLogprob(
    chosen: .init(token: 151_000, bytes: [0xC3], logprob: -0.25),
    top: [.init(token: -1, bytes: [], logprob: -.infinity), .init(token: 2, bytes: [65, 66], logprob: 0)])

  static let events: [GenerationEvent] = [
    .promptStarted, .promptProgress(0.5), .promptProgress(1),
    .promptFinished(PromptUsage(tokens: 70_000, cachedTokens: 3)),
    .promptFinished(
      PromptUsage(tokens: 3, cachedTokens: 0, scores: PromptScores(first: [0xC3], rest: [logprob, logprob]))),
    .promptFinished(PromptUsage(tokens: 1, cachedTokens: 0, scores: PromptScores(first: []))),
    .reasoningStarted, .reasoningDelta("let me think\n"), .reasoningFinished,
    .messageStarted, .messageDelta("Grüße 🧵", [logprob, logprob]), .messageDelta("", []), .messageFinished,
    .toolCallStarted(ToolCallHead(id: "c1", name: "get")), .toolCallArgumentsDelta("{\"a\""),
    .toolCallArguments(ToolCall(id: "c1", name: "get", arguments: "{\"a\":1}"), provider: nil),
    .failed(error),
    .finished(
      GenerationResult(
        output: [.reasoning("r"), .message("m"), .toolCall(ToolCall(id: "c1", name: "get", arguments: "{}"))],
        finishReason: .stopString, matchedStop: "END",
        usage: GenerationUsage(inputTokens: 70_000, cachedTokens: 3, outputTokens: 9, reasoningTokens: 4),
        timings: GenerationTimings(timeToFirstToken: 0.125, generation: 1.5, modelLoad: 2))),
    .finished(GenerationResult()),
  ]

  static let reports: [WorkerReport] = [
    .hello(version: WorkerProtocol.version), .loadProgress(0.75),
    .loaded(
      EngineProperties(
        contextLength: 8192, embeddingLength: 576, vocabularySize: 49_152, architecture: "llama", hasVision: false,
        hasChatTemplate: true, parameterCount: 134_515_008, memoryBytes: 1 << 33)),
    .loadFailed(error), .accepted(id: 1), .rejected(id: 2, error),
    .events(events.enumerated().map { PredictionEvent(id: UInt64($0.offset) << 40, event: $0.element) }), .events([]),
    .events(
      [PredictionEvent(id: 7, event: .messageDelta("a", []))],
      tokens: [
        PredictionTokens(id: 7, tokens: [5, -1], logprobs: [logprob, logprob], draws: 3),
        PredictionTokens(id: .max, tokens: [], draws: 0),
      ]),
    .embedded(id: 3, EmbeddingResult(vectors: [[0.5, -1], [], [Float.pi]], promptTokens: 12)),
    .reranked(id: 6, RerankResult(scores: [0.25, -1], promptTokens: 40)),
    .counted(id: 4, tokens: 123),
    .pong(5, WorkerState(running: 4, waiting: 64, steps: .max)),
  ]
}
