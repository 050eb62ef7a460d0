import AtelierCore

/// `POST /v1/rerank`: documents in the order of their relevance to a query. OpenAI has no such endpoint; the shapes are
/// those that Jina's and Cohere's clients share, in one object that satisfies both.
package enum OpenAIRerank {
  package struct Command: Sendable, Hashable {
    /// As asked for; empty when the client left it to the server.
    package var model: String
    package var request: RerankRequest
    /// Results at most, best first.
    package var limit: Int
    package var returnsDocuments: Bool
    package var timeToLive: TimeToLive?
    package var stamp: ResponseStamp

    package init(
      model: String, request: RerankRequest, limit: Int, returnsDocuments: Bool, timeToLive: TimeToLive?,
      stamp: ResponseStamp
    ) {
      self.model = model
      self.request = request
      self.limit = limit
      self.returnsDocuments = returnsDocuments
      self.timeToLive = timeToLive
      self.stamp = stamp
    }
  }

  package static func decode(_ body: JSONValue, stamp: ResponseStamp) throws(AtelierError) -> Command {
    let problems = RequestProblems()
    let fields = try FieldReader(body: body, problems: problems)
    let model = fields.string("model") ?? ""
    let query = fields.required("query") { Self.text(fields, $0) }
    let documents = fields.required("documents") { Self.documents(fields, $0) }
    let limit = fields.integer("top_n", from: 1)
    let returnsDocuments = fields.boolean("return_documents") ?? false
    if query == "" { let _: Never? = fields.wrongValue("query", "must not be empty") }
    try problems.check()
    let request = RerankRequest(query: try problems.unwrap(query), documents: try problems.unwrap(documents))
    return Command(
      model: model, request: request, limit: limit ?? request.documents.count, returnsDocuments: returnsDocuments,
      timeToLive: fields.lenientTimeToLive(), stamp: stamp)
  }

  private static func documents(_ fields: FieldReader, _ key: String) -> [String]? {
    guard let items = fields.array(key, upTo: RequestLimits.embeddingInputs) else { return nil }
    guard !items.isEmpty else { return fields.wrongValue(key, "must not be empty") }
    var documents: [String] = []
    for (place, item) in items.enumerated() {
      guard let text = item.stringValue ?? item["text"]?.stringValue else {
        return fields.wrongType("\(key).\(place)", "string or object with 'text'", item)
      }
      documents.append(text)
    }
    return documents
  }

  private static func text(_ fields: FieldReader, _ key: String) -> String? {
    fields[key]?["text"]?.stringValue ?? fields.string(key)
  }

  package static func body(
    of result: RerankResult, from instance: InstanceSelection, for command: Command
  ) -> JSONValue {
    // Of equal scores, the earlier document first.
    let order = result.scores.indices.sorted { (-result.scores[$0], $0) < (-result.scores[$1], $1) }
    return [
      "id": .string("rerank-" + command.stamp.token), "object": "list",
      "model": .string(Optional(instance).name(askedFor: command.model)),
      "results": .array(order.prefix(command.limit).map { entry($0, result, command) }),
      "usage": ["prompt_tokens": .count(result.promptTokens), "total_tokens": .count(result.promptTokens)],
    ]
  }

  private static func entry(_ index: Int, _ result: RerankResult, _ command: Command) -> JSONValue {
    let score = result.scores[index]
    var entry: JSONObject = [
      "index": .count(index), "relevance_score": .number(Double(score.description) ?? Double(score)),
    ]
    if command.returnsDocuments { entry["document"] = ["text": .string(command.request.documents[index])] }
    return .object(entry)
  }
}
