import AtelierCore
import AtelierWorkerProtocol

/// Turns a rerank request into the inputs of the engine, and their vectors into scores: the classifier's of a reranker,
/// else the cosines of the embeddings.
struct Reranker: Sendable {
  let backend: any ModelBackend

  /// Blocking. `proceed` is asked before each document; when it says no, this throws `cancelled`. Throws `invalidValue`
  /// and `contextLengthExceeded`, with `param` `query` where that is at fault.
  func job(_ id: UInt64, _ request: RerankRequest, proceed: () -> Bool) throws(AtelierError) -> PoolingJob {
    var inputs: [[Int32]] = []
    inputs.reserveCapacity(request.documents.count + 1)
    if !backend.isReranker {
      guard !request.query.isEmpty else { throw AtelierError(.invalidValue, "The query is empty.", param: "query") }
      inputs.append(tokens(of: request.query))
    }
    for (index, document) in request.documents.enumerated() {
      guard proceed() else { throw AtelierError.requestCancelled }
      let input =
        backend.isReranker ? try backend.rankInput(query: request.query, document: document) : tokens(of: document)
      guard !input.isEmpty else {
        throw AtelierError(.invalidValue, "Document \(index) is empty.", param: "documents.\(index)")
      }
      inputs.append(input)
    }
    let tokens = inputs.reduce(0) { $0 + $1.count }
    let backend = backend
    let queries = inputs.count - request.documents.count
    return PoolingJob(
      inputs: inputs, param: { $0 < queries ? "query" : "documents.\($0 - queries)" },
      report: { vectors in
        let scores = backend.isReranker ? vectors.map { backend.rankScore(of: $0) } : Self.cosines(vectors)
        return .reranked(id: id, RerankResult(scores: scores, promptTokens: tokens))
      })
  }

  /// Of the first vector with each of the others.
  private static func cosines(_ vectors: [[Float]]) -> [Float] {
    let directions = vectors.map { $0.normalized() }
    return directions.dropFirst().map { vector in
      zip(directions[0], vector).reduce(Float(0)) { $0 + $1.0 * $1.1 }
    }
  }

  /// Cut to what the model takes, with the closing token it wants.
  private func tokens(of text: String) -> [Int32] {
    let tokens = backend.tokenize(text, addSpecial: true, parseSpecial: false)
    guard tokens.count > backend.properties.contextLength, let last = tokens.last else { return tokens }
    return tokens.prefix(backend.properties.contextLength - 1) + [last]
  }
}
