import AtelierCore

/// Which part of a list is wanted: the query of OpenAI's list endpoints.
package struct OpenAIPage: Sendable, Hashable {
  /// 1…100.
  package var limit: Int
  package var isAscending: Bool
  /// Begins behind the element of this id.
  package var after: String?

  /// `query`: its items by name. Throws `invalidValue`.
  package init(_ query: [String: String]) throws(AtelierError) {
    limit = 20
    if let text = query["limit"] {
      guard let number = Int(text), (1...100).contains(number) else {
        throw AtelierError(.invalidValue, "'limit' must be an integer between 1 and 100", param: "limit")
      }
      limit = number
    }
    switch query["order"] {
    case nil, "desc": isAscending = false
    case "asc": isAscending = true
    default: throw AtelierError(.invalidValue, "'order' must be 'asc' or 'desc'", param: "order")
    }
    after = query["after"]
  }

  /// The list object. `items` are in ascending order and have ids. Throws `invalidValue` for an unknown `after`.
  func list(_ items: [JSONValue]) throws(AtelierError) -> JSONValue {
    var rest = isAscending ? items : items.reversed()
    if let after {
      guard let place = rest.firstIndex(where: { $0["id"]?.stringValue == after }) else {
        throw AtelierError(
          .invalidValue, "'after' names no item of the list: '\(FieldReader.shortened(after))'", param: "after")
      }
      rest.removeFirst(place + 1)
    }
    let page = Array(rest.prefix(limit))
    return [
      "object": "list", "data": .array(page), "first_id": page.first?["id"] ?? .null,
      "last_id": page.last?["id"] ?? .null, "has_more": .bool(rest.count > page.count),
    ]
  }
}
