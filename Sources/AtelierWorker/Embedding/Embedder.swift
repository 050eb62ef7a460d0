import AtelierCore
import AtelierWorkerProtocol

/// Turns an embedding request into the inputs of the engine, and their vectors into its answer.
struct Embedder: Sendable {
  let backend: any ModelBackend

  /// Blocking. `proceed` is asked before each input; when it says no, this throws `cancelled`. Throws `modelTypeMismatch`
  /// on a reranker, `requestTooLarge`, and with `param` `input.N` `invalidValue` and `contextLengthExceeded`.
  func job(
    _ id: UInt64, _ request: EmbeddingRequest, proceed: () -> Bool
  ) throws(AtelierError) -> PoolingJob {
    guard !backend.isReranker else {
      throw AtelierError(.modelTypeMismatch, "The model ranks documents and gives no embeddings.", param: "model")
    }
    let (numbers, overflow) = request.inputs.count.multipliedReportingOverflow(by: backend.properties.embeddingLength)
    guard !overflow, numbers <= WorkerProtocol.maxEmbeddingNumbers else {
      throw AtelierError(
        .requestTooLarge,
        "The embeddings of \(request.inputs.count) inputs are too large for one answer. Send fewer inputs.",
        param: "input")
    }
    var inputs: [[Int32]] = []
    inputs.reserveCapacity(request.inputs.count)
    for (index, input) in request.inputs.enumerated() {
      guard proceed() else { throw AtelierError.requestCancelled }
      switch input {
      case .text(let text):
        try checkSize(text, index: index)
        inputs.append(backend.tokenize(text, addSpecial: true, parseSpecial: false))
      case .tokens(let ids):
        try backend.checkTokens(ids, param: "input.\(index)")
        inputs.append(ids)
      }
    }
    let tokens = inputs.reduce(0) { $0 + $1.count }
    return PoolingJob(
      inputs: inputs, param: { "input.\($0)" },
      report: { vectors in
        .embedded(id: id, EmbeddingResult(vectors: vectors.map { $0.normalized() }, promptTokens: tokens))
      })
  }

  private func checkSize(_ text: String, index: Int) throws(AtelierError) {
    let bytes = text.utf8.count
    let context = backend.properties.contextLength
    guard bytes > PromptPreparer.maxBytesPerContextToken * context else { return }
    let tokens = bytes / PromptPreparer.typicalBytesPerToken
    throw AtelierError(
      .contextLengthExceeded,
      "Input \(index) has about \(tokens) tokens, and the model takes at most \(context). Shorten the input.",
      param: "input.\(index)",
      details: ["prompt_tokens": .integer(Int64(tokens)), "context_length": .integer(Int64(context))])
  }
}
