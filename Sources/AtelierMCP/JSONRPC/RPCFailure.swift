import AtelierCore

/// The `error` of a JSON-RPC response.
package struct RPCFailure: Error, Sendable, Hashable {
  package var code: Int
  /// The peer's words: not to be trusted with length or characters.
  package var message: String
  package var data: JSONValue?

  package init(code: Int, message: String, data: JSONValue? = nil) {
    self.code = code
    self.message = message
    self.data = data
  }

  package static let invalidRequest = -32600
  package static let methodNotFound = -32601
  package static let invalidParams = -32602
  package static let internalError = -32603
  /// MCP 2026-07-28: the request's version is none of the server's; `data.supported` lists those.
  package static let unsupportedVersion = -32022

  init(_ object: JSONObject) {
    code = object["code"]?.integerValue ?? Self.internalError
    message = object["message"]?.stringValue ?? ""
    data = object["data"]
  }

  var json: JSONValue {
    var object: JSONObject = ["code": .integer(Int64(code)), "message": .string(message)]
    if let data { object["data"] = data }
    return .object(object)
  }

  /// The versions a server that refused ours says it has; nil when this is no such refusal.
  var supportedVersions: [String]? {
    guard code == Self.unsupportedVersion else { return nil }
    return data?["supported"]?.arrayValue?.compactMap(\.stringValue)
  }
}
