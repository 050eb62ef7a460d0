import AtelierCore
import AtelierRuntime
import Synchronization

/// Answers with the events a test wrote, and notices when an answer is dropped before its end.
final class ScriptedGeneration: GenerationServing {
  enum Step: Sendable {
    case event(GenerationEvent)
    /// Nothing more comes until the answer is dropped.
    case silence
  }

  private struct State {
    var requests: [GenerationRequest] = []
  }

  private let state = Mutex(State())
  private let script: @Sendable (GenerationRequest) throws(AtelierError) -> [Step]
  let dropped: AsyncStream<Void>
  private let dropSignal: AsyncStream<Void>.Continuation

  init(_ script: @escaping @Sendable (GenerationRequest) throws(AtelierError) -> [Step]) {
    self.script = script
    (dropped, dropSignal) = AsyncStream.makeStream()
  }

  convenience init(_ events: [GenerationEvent]) { self.init { _ in events.map(Step.event) } }

  var requests: [GenerationRequest] { state.withLock { $0.requests } }

  func generate(_ request: GenerationRequest) async throws(AtelierError) -> AsyncStream<GenerationEvent> {
    state.withLock { $0.requests.append(request) }
    let steps = try script(request)
    let (stream, continuation) = AsyncStream.makeStream(of: GenerationEvent.self)
    continuation.onTermination = { [dropSignal] reason in if case .cancelled = reason { dropSignal.yield() } }
    for step in steps {
      switch step {
      case .event(let event): continuation.yield(event)
      case .silence: return Self.holding(stream, continuation)
      }
    }
    continuation.finish()
    return stream
  }

  /// The stream, which stays open as long as somebody holds it.
  private static func holding(
    _ stream: AsyncStream<GenerationEvent>, _ continuation: AsyncStream<GenerationEvent>.Continuation
  ) -> AsyncStream<GenerationEvent> { stream }

  func embed(
    model: String, _ request: EmbeddingRequest, timeToLive: TimeToLive?, caller: Caller
  ) async throws(AtelierError) -> (InstanceSelection, EmbeddingResult) {
    (Script.instance, EmbeddingResult(vectors: request.inputs.map { _ in [0.6, 0.8] }, promptTokens: 7))
  }

  /// Later documents score higher.
  func rerank(
    model: String, _ request: RerankRequest, timeToLive: TimeToLive?, caller: Caller
  ) async throws(AtelierError) -> (InstanceSelection, RerankResult) {
    (Script.instance, RerankResult(scores: request.documents.indices.map { Float($0) / 2 }, promptTokens: 7))
  }

  func countTokens(_ request: GenerationRequest) async throws(AtelierError) -> Int {
    state.withLock { $0.requests.append(request) }
    _ = try script(request)
    return 42
  }
}

enum Script {
  static let instance = InstanceSelection(
    instanceID: "tiny", modelKey: "tiny", architecture: "llama", quantization: "Q4_1", contextLength: 64)

  static func result(_ text: String) -> GenerationResult {
    GenerationResult(
      instance: instance, output: [.message(text)], finishReason: .endOfText,
      usage: GenerationUsage(inputTokens: 3, outputTokens: 2))
  }

  static let opening: [GenerationEvent] = [
    .instanceSelected(instance), .promptStarted, .promptFinished(PromptUsage(tokens: 3, cachedTokens: 0)),
  ]

  static func answer(_ pieces: String...) -> [GenerationEvent] {
    opening + [.messageStarted] + pieces.map { .messageDelta($0, []) } + [
      .messageFinished, .finished(result(pieces.joined())),
    ]
  }
}
