import AtelierCore

/// Items of the input that are only named: `{"type":"item_reference","id":…}`, or the id alone (openai.md 10.2). They are
/// replaced by what was stored before the request is read.
package enum OpenAIResponsesReferences {
  /// Each is fetched from the store.
  private static let most = 256

  /// Ids of the responses that the references lead to, each once. Throws `invalidValue` when they are too many.
  package static func responseIDs(in body: JSONValue) throws(AtelierError) -> [String] {
    var seen: Set<String> = []
    let ids = items(of: body).compactMap { reference($0).flatMap(OpenAIResponsesItems.responseID) }
      .filter { seen.insert($0).inserted }
    guard ids.count <= most else {
      throw AtelierError(
        .invalidValue, "'input' refers to items of \(ids.count) responses; the limit is \(most)", param: "input")
    }
    return ids
  }

  /// The body with the items in place of their references. What is not among `turns` stays, and is refused when the request
  /// is read.
  package static func resolved(_ body: JSONValue, from turns: [StoredTurn], seal: ReasoningSeal?) -> JSONValue {
    guard !turns.isEmpty, var object = body.objectValue else { return body }
    let stored = Dictionary(
      turns.map { ($0.id, OpenAIStoredResponse($0, seal: seal)) }, uniquingKeysWith: { first, _ in first })
    object["input"] = .array(
      items(of: body).map { item in
        guard let id = reference(item), let response = OpenAIResponsesItems.responseID(ofItem: id) else { return item }
        return stored[response]?.item(id) ?? item
      })
    return .object(object)
  }

  private static func items(of body: JSONValue) -> [JSONValue] {
    let items = body["input"]?.arrayValue ?? []
    return items.count <= RequestLimits.messages ? items : []
  }

  /// The id, if the item is a reference.
  private static func reference(_ item: JSONValue) -> String? {
    guard let object = item.objectValue,
      object["type"] == "item_reference" || OpenAIResponsesInput.impliedType(object) == "item_reference"
    else { return nil }
    return object["id"]?.stringValue
  }
}
