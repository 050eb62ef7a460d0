import AtelierCore
import AtelierWorkerProtocol

/// Computes one embedding request in calls of limited size, so that it can be cancelled and seen to make progress.
struct Embedder: Sendable {
  let backend: any ModelBackend

  /// Blocking. `proceed` is asked before each call; when it says no, the request ends with `cancelled`.
  func embed(_ request: EmbeddingRequest, proceed: () -> Bool) throws(AtelierError) -> EmbeddingResult {
    let (numbers, overflow) = request.inputs.count.multipliedReportingOverflow(by: backend.properties.embeddingLength)
    guard !overflow, numbers <= WorkerProtocol.maxEmbeddingNumbers else {
      throw AtelierError(
        .requestTooLarge,
        "The embeddings of \(request.inputs.count) inputs are too large for one answer. Send fewer inputs.",
        param: "input")
    }
    let inputs = try tokenize(request)
    let vectors = try inputs.inCalls(proceed: proceed) { (call, start) throws(AtelierError) in
      do throws(AtelierError) {
        return try backend.embed(call)
      } catch {
        throw error.shiftingInput(by: start)
      }
    }
    return EmbeddingResult(vectors: vectors, promptTokens: inputs.reduce(0) { $0 + $1.count })
  }

  private func tokenize(_ request: EmbeddingRequest) throws(AtelierError) -> [[Int32]] {
    var inputs: [[Int32]] = []
    for (index, input) in request.inputs.enumerated() {
      let tokens: [Int32]
      switch input {
      case .text(let text): tokens = backend.tokenize(text, addSpecial: true, parseSpecial: false)
      case .tokens(let ids):
        try backend.checkTokens(ids, param: "input.\(index)")
        tokens = ids
      }
      guard !tokens.isEmpty else {
        throw AtelierError(.invalidValue, "Input \(index) is empty.", param: "input.\(index)")
      }
      inputs.append(tokens)
    }
    return inputs
  }
}

extension AtelierError {
  /// The backend counts inputs from the first one of its call.
  fileprivate func shiftingInput(by offset: Int) -> AtelierError {
    guard let param, param.hasPrefix("input."), let index = Int(param.dropFirst("input.".count)) else { return self }
    var shifted = self
    shifted.param = "input.\(index + offset)"
    return shifted
  }
}
