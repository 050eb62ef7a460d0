import AtelierCore

/// The form of a tool call in the database.
struct StoredToolCall: Codable, Hashable {
  var id: String
  var name: String
  var arguments: String
  var shownName: String?

  init(_ call: ToolCall) {
    id = call.id
    name = call.name
    arguments = call.arguments
    shownName = call.shownName
  }

  var call: ToolCall {
    var call = ToolCall(id: id, name: name, arguments: arguments)
    call.shownName = shownName
    return call
  }
}
