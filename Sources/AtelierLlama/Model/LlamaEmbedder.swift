import AtelierCore
import CLlama
import CLlamaBridge
import Synchronization

/// Computes pooled, unit-length embeddings, or a reranker's scores. Calls from several threads take turns.
final class LlamaEmbedder: Sendable {
  private let context: Mutex<LlamaContext>
  /// Tokens of one input at most: an input is pooled from one engine call.
  let maxTokens: Int
  /// Numbers the engine gives for an input.
  let length: Int
  /// nil when the model gives embeddings.
  let ranking: RankingInput?
  private let vocabularySize: Int
  private let maxSequences: Int
  private let batchTokens: Int

  /// Inputs that go through the engine together at most.
  private static let sequences: UInt32 = 64

  init(_ model: LlamaModel, _ configuration: LoadConfiguration) throws(AtelierError) {
    let trained = Int(llama_model_n_ctx_train(model.pointer))
    var parameters = try LlamaContext.parameters(configuration)
    maxTokens = max(1, min(configuration.contextLength, trained > 0 ? trained : configuration.contextLength))
    let rows = UInt32(clamping: max(maxTokens, configuration.evalBatchSize))
    // Room for a full batch of several inputs: the pooling needs each input whole in one engine call.
    parameters.n_ctx = rows
    parameters.n_batch = rows
    parameters.n_ubatch = rows
    parameters.n_seq_max = Self.sequences
    parameters.embeddings = true
    var context = try LlamaContext(model, parameters)
    switch llama_pooling_type(context.pointer) {
    case LLAMA_POOLING_TYPE_NONE:
      parameters.pooling_type = LLAMA_POOLING_TYPE_MEAN
      context = try LlamaContext(model, parameters)
    default: break
    }
    let isRanker = llama_pooling_type(context.pointer) == LLAMA_POOLING_TYPE_RANK
    ranking = isRanker ? RankingInput(model, maxTokens: maxTokens) : nil
    length = Int(
      isRanker ? Int32(clamping: llama_model_n_cls_out(model.pointer)) : llama_model_n_embd_out(model.pointer))
    vocabularySize = LlamaTokenizer(model).vocabularySize
    maxSequences = context.maxSequences
    batchTokens = min(context.batchRows, Int(llama_n_ubatch(context.pointer)))
    self.context = Mutex(context)
  }

  func embed(_ inputs: [[Int32]]) throws(AtelierError) -> [[Float]] {
    guard ranking == nil else {
      throw AtelierError(.modelTypeMismatch, "The model ranks documents and gives no embeddings.", param: "model")
    }
    return try vectors(for: inputs).map(Self.normalized)
  }

  func rank(_ inputs: [[Int32]]) throws(AtelierError) -> [Float] {
    guard let ranking else {
      throw AtelierError(.modelTypeMismatch, "The model gives embeddings and does not rank documents.", param: "model")
    }
    return try vectors(for: inputs).map { ranking.score($0.first ?? 0) }
  }

  private func vectors(for inputs: [[Int32]]) throws(AtelierError) -> [[Float]] {
    for (index, input) in inputs.enumerated() { try check(input, index: index) }
    var vectors: [[Float]] = []
    vectors.reserveCapacity(inputs.count)
    var start = 0
    while start < inputs.count {
      var end = start
      var tokens = 0
      while end < inputs.count, end - start < maxSequences, tokens + inputs[end].count <= batchTokens {
        tokens += inputs[end].count
        end += 1
      }
      vectors += try compute(inputs[start..<end])
      start = end
    }
    return vectors
  }

  private func check(_ input: [Int32], index: Int) throws(AtelierError) {
    guard !input.isEmpty else {
      throw AtelierError(.invalidValue, "The input is empty.", param: "input.\(index)")
    }
    guard input.count <= min(maxTokens, batchTokens) else {
      throw AtelierError(
        .contextLengthExceeded,
        "The input has \(input.count) tokens, and the model takes at most \(maxTokens). Shorten the input.",
        param: "input.\(index)",
        details: ["prompt_tokens": .integer(Int64(input.count)), "context_length": .integer(Int64(maxTokens))])
    }
    guard input.allSatisfy({ $0 >= 0 && $0 < vocabularySize }) else {
      throw AtelierError(
        .invalidValue, "The input holds a token id that the model does not have.", param: "input.\(index)")
    }
  }

  private func compute(_ inputs: ArraySlice<[Int32]>) throws(AtelierError) -> [[Float]] {
    let rows = inputs.reduce(0) { $0 + $1.count }
    var tokens: [Int32] = []
    var positions: [Int32] = []
    var sequences: [Int32] = []
    for (sequence, input) in inputs.enumerated() {
      tokens += input
      positions += 0..<Int32(input.count)
      sequences += repeatElement(Int32(sequence), count: input.count)
    }
    let counts = [Int32](repeating: 1, count: rows)
    let outputs = [Int8](repeating: 1, count: rows)
    let result: Result<[[Float]], AtelierError> = context.withLock { context in
      // Encoders keep no memory between calls; decoders do.
      if let memory = llama_get_memory(context.pointer) { llama_memory_clear(memory, false) }
      let status = sequences.withUnsafeMutableBufferPointer { numbers in
        let pointers = numbers.indices.map { row in numbers.baseAddress.map { $0 + row } }
        return atelier_decode(context.pointer, Int32(rows), tokens, positions, counts, pointers, outputs)
      }
      guard status == 0 else {
        return .failure(AtelierError(.generationFailed, "The engine could not compute the embeddings."))
      }
      var vectors: [[Float]] = []
      for sequence in 0..<Int32(inputs.count) {
        guard let values = llama_get_embeddings_seq(context.pointer, sequence) else {
          return .failure(AtelierError(.generationFailed, "The engine gave no embedding."))
        }
        vectors.append(Array(UnsafeBufferPointer(start: values, count: length)))
      }
      return .success(vectors)
    }
    return try result.get()
  }

  private static func normalized(_ values: [Float]) -> [Float] {
    var sum = 0.0
    for value in values { sum += Double(value) * Double(value) }
    let scale = sum > 0 ? Float(1 / sum.squareRoot()) : 0
    return values.map { $0 * scale }
  }
}
