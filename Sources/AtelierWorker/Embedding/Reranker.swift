import AtelierCore

/// Scores one rerank request in calls of limited size: by the model's classifier if it is a reranker, else by the cosine of
/// the embeddings.
struct Reranker: Sendable {
  let backend: any ModelBackend

  /// Blocking. `proceed` is asked before each call; when it says no, the request ends with `cancelled`.
  func rerank(_ request: RerankRequest, proceed: () -> Bool) throws(AtelierError) -> RerankResult {
    var inputs: [[Int32]] = []
    inputs.reserveCapacity(request.documents.count)
    for document in request.documents {
      guard let input = try backend.rankInput(query: request.query, document: document) else {
        return try rankByCosine(request, proceed: proceed)
      }
      inputs.append(input)
    }
    let scores = try inputs.inCalls(proceed: proceed) { (call, _) throws(AtelierError) in try backend.rank(call) }
    return RerankResult(scores: scores, promptTokens: inputs.reduce(0) { $0 + $1.count })
  }

  private func rankByCosine(_ request: RerankRequest, proceed: () -> Bool) throws(AtelierError) -> RerankResult {
    guard !request.query.isEmpty else { throw AtelierError(.invalidValue, "The query is empty.", param: "query") }
    let inputs = ([request.query] + request.documents).map { tokens(of: $0) }
    let vectors = try inputs.inCalls(proceed: proceed) { (call, _) throws(AtelierError) in try backend.embed(call) }
    let scores = vectors.dropFirst().map { vector in
      zip(vectors[0], vector).reduce(Float(0)) { $0 + $1.0 * $1.1 }
    }
    return RerankResult(scores: scores, promptTokens: inputs.reduce(0) { $0 + $1.count })
  }

  /// Cut to what the model takes, with the closing token it wants.
  private func tokens(of text: String) -> [Int32] {
    let tokens = backend.tokenize(text, addSpecial: true, parseSpecial: false)
    guard tokens.count > backend.properties.contextLength, let last = tokens.last else { return tokens }
    return tokens.prefix(backend.properties.contextLength - 1) + [last]
  }
}
