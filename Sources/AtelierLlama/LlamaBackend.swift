import AtelierCore
import AtelierEngine
import AtelierText
import AtelierWorker
import CLlama
import CLlamaBridge
import Foundation
import Synchronization

/// A model loaded by llama.cpp: what a worker works with.
package final class LlamaBackend: ModelBackend {
  package let properties: EngineProperties
  package let visionProblem: String?
  private let model: LlamaModel
  private let tokenizer: LlamaTokenizer
  private let use: Use
  /// nil for embeddings.
  let memoryPlan: MemoryPlan?

  private enum Use: Sendable {
    /// Prompts are rendered and counted.
    case counting(PromptRenderer)
    case generation(PromptRenderer, Unclaimed<LlamaContext>)
    /// The input of a reranker; nil where the vectors are embeddings.
    case pooling(RankingInput?, Unclaimed<LlamaPoolingRunner>)
  }

  /// Loads the model and allocates its memory. Blocking. `progress` gets 0…1, never decreasing, and returns false to
  /// cancel, which throws `cancelled`. Throws `modelLoadFailed` or `insufficientMemory` with a reason for people.
  package static func load(
    _ load: EngineLoad, progress: @escaping @Sendable (Double) -> Bool
  ) throws(AtelierError) -> LlamaBackend {
    try Self.load(load, adjust: nil, progress: progress)
  }

  /// `adjust` changes the plan of a language model's memory before it is allocated.
  static func load(
    _ load: EngineLoad, adjust: ((inout MemoryPlan) -> Void)?, progress: @escaping @Sendable (Double) -> Bool
  ) throws(AtelierError) -> LlamaBackend {
    LlamaLog.install()
    atelier_silence_common_log()
    llama_backend_init()
    LlamaLog.clear()
    let model = try LlamaModel.load(load, progress: progress)
    if load.isVocabularyOnly { return try LlamaBackend(counting: model, load) }
    switch load.kind {
    case .llm: return try LlamaBackend(generating: model, load, adjust: adjust)
    case .embedding: return try LlamaBackend(pooling: model, load.configuration)
    }
  }

  private init(
    generating model: LlamaModel, _ load: EngineLoad, adjust: ((inout MemoryPlan) -> Void)?
  ) throws(AtelierError) {
    let configuration = load.configuration
    let projector = load.projector
    guard !llama_model_has_encoder(model.pointer), !llama_model_is_diffusion(model.pointer) else {
      throw LoadFailure.failed("The model is not a plain text generator; its kind is not supported.")
    }
    var parameters = try LlamaContext.parameters(configuration)
    let parallel = min(max(configuration.parallel, 1), 64)
    // Beside the running sequences, finished ones stay for prefix reuse.
    var plan = MemoryPlan(model, parameters, parallel: parallel)
    adjust?(&plan)
    plan.apply(to: &parameters)
    parameters.n_outputs_max = parameters.n_seq_max
    parameters.n_batch = max(parameters.n_batch, parameters.n_seq_max)
    parameters.n_ubatch = min(parameters.n_batch, 512)
    let vision = projector.flatMap { Self.vision($0, model, threads: Int(parameters.n_threads_batch)) }
    if let vision {
      // A picture whose rows see each other is computed at once.
      parameters.n_ubatch = max(parameters.n_ubatch, UInt32(clamping: vision.wholeRows))
      parameters.n_batch = max(parameters.n_batch, parameters.n_ubatch)
    }
    let context = try LlamaContext(model, parameters)
    memoryPlan = plan
    guard llama_get_memory(context.pointer) != nil else {
      throw LoadFailure.failed("The model cannot generate text; load it as an embedding model.")
    }
    let template = try Self.template(of: model, load)
    self.model = model
    tokenizer = LlamaTokenizer(model)
    use = .generation(
      PromptRenderer(
        model: model, template: template, contextLength: context.tokens, reasoningTags: load.reasoningTags,
        vision: vision),
      Unclaimed(context))
    visionProblem =
      projector != nil && vision == nil
      ? "The image projector beside this model cannot be used, so it reads text only." : nil
    var properties = Self.properties(
      of: model, contextLength: context.tokens, projectorBytes: vision == nil ? nil : projector.map(Self.fileSize),
      additionalBytes: Int64(plan.checkpointBytes))
    properties.memoryNote = plan.note
    self.properties = properties
  }

  private init(counting model: LlamaModel, _ load: EngineLoad) throws(AtelierError) {
    let contextLength = load.configuration.contextLength
    self.model = model
    tokenizer = LlamaTokenizer(model)
    use = .counting(
      PromptRenderer(
        model: model, template: try Self.template(of: model, load), contextLength: contextLength,
        reasoningTags: load.reasoningTags))
    memoryPlan = nil
    visionProblem = nil
    properties = Self.properties(of: model, contextLength: contextLength, projectorBytes: nil)
  }

  private static func template(of model: LlamaModel, _ load: EngineLoad) throws(AtelierError) -> ChatTemplate {
    do throws(BridgeFailure) {
      if let text = load.chatTemplate { return try ChatTemplate(source: text, model: model) }
      return try ChatTemplate(model: model)
    } catch {
      throw LoadFailure.failed("The model's chat template cannot be read, or takes too much time or memory.")
    }
  }

  /// nil when the projector cannot be used; then the model still reads text.
  private static func vision(_ projector: String, _ model: LlamaModel, threads: Int) -> VisionEncoder? {
    do throws(BridgeFailure) {
      // Half of them: an image is encoded while the engine goes on with other requests.
      return try VisionEncoder(projector: projector, model: model, threads: (threads + 1) / 2)
    } catch {
      WorkerLog.error("images are off: \(error.message)")
      return nil
    }
  }

  private static func fileSize(_ path: String) -> Int64 {
    ((try? FileManager.default.attributesOfItem(atPath: path))?[.size] as? NSNumber)?.int64Value ?? 0
  }

  private init(pooling model: LlamaModel, _ configuration: LoadConfiguration) throws(AtelierError) {
    let runner = try LlamaPoolingRunner(model, configuration)
    memoryPlan = nil
    self.model = model
    tokenizer = LlamaTokenizer(model)
    use = .pooling(
      runner.isReranker ? RankingInput(model, maxTokens: runner.maxInputTokens) : nil, Unclaimed(runner))
    visionProblem = nil
    properties = Self.properties(of: model, contextLength: runner.maxInputTokens, projectorBytes: nil)
  }

  /// `projectorBytes`: nil without vision. `additionalBytes`: memory that is taken later.
  private static func properties(
    of model: LlamaModel, contextLength: Int, projectorBytes: Int64?, additionalBytes: Int64 = 0
  ) -> EngineProperties {
    EngineProperties(
      contextLength: contextLength, embeddingLength: Int(llama_model_n_embd_out(model.pointer)),
      vocabularySize: LlamaTokenizer(model).vocabularySize,
      architecture: model.metadata("general.architecture") ?? "unknown", hasVision: projectorBytes != nil,
      hasChatTemplate: llama_model_chat_template(model.pointer, nil) != nil,
      parameterCount: Int64(clamping: llama_model_n_params(model.pointer)),
      memoryBytes: max(LlamaLog.bufferBytes, Int64(clamping: llama_model_size(model.pointer))) + (projectorBytes ?? 0)
        + additionalBytes)
  }

  package func makeRunner() throws(AtelierError) -> any ModelRunner {
    guard case .generation(let renderer, let unclaimed) = use else { throw Self.notForText }
    guard let context = unclaimed.claim(), let memory = llama_get_memory(context.pointer), let memoryPlan else {
      throw AtelierError(.internalError, "The model's context is in use already.")
    }
    return LlamaRunner(context: context, memory: memory, plan: memoryPlan, grammars: renderer.grammars)
  }

  package func makePoolingRunner() throws(AtelierError) -> any PoolingRunner {
    guard case .pooling(_, let unclaimed) = use else { throw Self.notForVectors }
    guard let runner = unclaimed.claim() else {
      throw AtelierError(.internalError, "The model's context is in use already.")
    }
    return runner
  }

  private func renderer() throws(AtelierError) -> PromptRenderer {
    switch use {
    case .counting(let renderer), .generation(let renderer, _): return renderer
    case .pooling: throw Self.notForText
    }
  }

  package func renderPrompt(
    _ request: EngineRequest, messages: [Message], for purpose: PromptUse
  ) throws(AtelierError) -> RenderedPrompt {
    try renderer().render(request, messages: messages, for: purpose)
  }

  package func constraint(for format: ResponseFormat) throws(AtelierError) -> GrammarConstraint? {
    try renderer().constraint(for: format)
  }

  package func tokenize(_ text: String, addSpecial: Bool, parseSpecial: Bool) -> [Int32] {
    let tokens = tokenizer.tokenize(text, addSpecial: addSpecial, parseSpecial: parseSpecial)
    // A model whose texts begin without the token has one all the same, and something has to come before the first word.
    guard tokens.isEmpty, text.isEmpty, addSpecial, let beginning = tokenizer.beginning else { return tokens }
    return [beginning]
  }

  package func infillTokens(prefix: String, suffix: String) -> [Int32]? {
    tokenizer.infill(prefix: prefix, suffix: suffix)
  }

  package func piece(of token: Int32, preserved: Set<Int32>) -> [UInt8] {
    tokenizer.piece(of: token, special: preserved.contains(token))
  }

  package var isReranker: Bool {
    if case .pooling(.some, _) = use { true } else { false }
  }

  package func rankInput(query: String, document: String) throws(AtelierError) -> [Int32] {
    guard case .pooling(let ranking?, _) = use else { throw Self.notForRanking }
    return try ranking.input(query: query, document: document)
  }

  package func rankScore(of vector: [Float]) -> Float {
    guard case .pooling(let ranking?, _) = use else { return 0 }
    return ranking.score(vector.first ?? 0)
  }

  private static let notForText = AtelierError(
    .modelTypeMismatch, "The model computes embeddings; text needs a language model.")
  private static let notForVectors = AtelierError(
    .modelTypeMismatch, "The model generates text; embeddings need an embedding model.")
  private static let notForRanking = AtelierError(.modelTypeMismatch, "The model does not rank documents.")
}

/// Something on its way from the loading thread to the engine's thread.
private final class Unclaimed<Value: Sendable>: Sendable {
  private let value: Mutex<Value?>

  init(_ value: Value) { self.value = Mutex(value) }

  /// The value, the first time.
  func claim() -> Value? {
    value.withLock { value in
      defer { value = nil }
      return value
    }
  }
}
