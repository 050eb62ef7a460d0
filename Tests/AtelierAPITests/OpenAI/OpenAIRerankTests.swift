import AtelierAPI
import AtelierCore
import Testing

struct OpenAIRerankTests {
  private let instance = InstanceSelection(
    instanceID: "r", modelKey: "r", architecture: "bert", quantization: nil, contextLength: 256)

  private func decode(_ changes: KeyValuePairs<String, JSONValue?>) throws(AtelierError) -> OpenAIRerank.Command {
    let base: JSONValue = ["model": "r", "query": "q", "documents": ["a", ["text": "b"], "c"]]
    return try OpenAIRerank.decode(base.with(changes), stamp: ResponseStamp(created: 0, token: "t"))
  }

  private func results(_ changes: KeyValuePairs<String, JSONValue?>) throws -> JSONValue {
    OpenAIRerank.body(
      of: RerankResult(scores: [0.25, 0.5, 0.25], promptTokens: 9), from: instance, for: try decode(changes))
  }

  @Test func documentsAreTextsOrObjects() throws {
    let command = try decode([:])
    #expect(command.request == RerankRequest(query: "q", documents: ["a", "b", "c"]))
    #expect(try decode(["query": ["text": "q"]]).request.query == "q")
  }

  @Test func theMostRelevantComesFirst() throws {
    #expect(
      try results([:]).serialized()
        == #"{"id":"rerank-t","object":"list","model":"r","results":[{"index":1,"relevance_score":0.5},"#
        + #"{"index":0,"relevance_score":0.25},{"index":2,"relevance_score":0.25}],"#
        + #""usage":{"prompt_tokens":9,"total_tokens":9}}"#)
    #expect(
      try results(["top_n": 1, "return_documents": true])["results"]
        == [["index": 1, "relevance_score": 0.5, "document": ["text": "b"]]])
    #expect(try results(["top_n": 10])["results"]?.arrayValue?.count == 3)
  }

  @Test(
    arguments: [
      ("query", nil, .missingRequiredParameter, "query"), ("query", "", .invalidValue, "query"),
      ("documents", nil, .missingRequiredParameter, "documents"), ("documents", [], .invalidValue, "documents"),
      ("documents", ["a", 1], .invalidType, "documents.1"), ("top_n", 0, .invalidValue, "top_n"),
    ] as [(String, JSONValue?, AtelierError.Code, String)])
  func wrongRequestsAreRefused(key: String, value: JSONValue?, code: AtelierError.Code, param: String) {
    expectRefusal(code, param) { () throws(AtelierError) in try decode([key: value]) }
  }
}
