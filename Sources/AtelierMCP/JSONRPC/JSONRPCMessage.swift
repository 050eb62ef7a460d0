import AtelierCore

/// One JSON-RPC 2.0 message, as MCP uses them: parameters are objects, results are objects.
package enum JSONRPCMessage: Sendable, Hashable {
  case request(id: RequestID, method: String, params: JSONObject?)
  case notification(method: String, params: JSONObject?)
  case result(id: RequestID, JSONObject)
  /// `id` is nil when the peer could not read the request it answers.
  case failure(id: RequestID?, RPCFailure)

  /// Why bytes are no message.
  package struct Malformed: Error, Sendable, Hashable {
    package var reason: String
  }

  /// Nested deeper or with more members than a server has reason to.
  private static let limits = JSONLimits(depth: 128, members: 100_000)

  /// Reads one message, or several in a batch (2025-03-26). Elements of a batch that are no messages are left out;
  /// throws when nothing is left.
  package static func decode(_ bytes: [UInt8]) throws(Malformed) -> [JSONRPCMessage] {
    let value: JSONValue
    do { value = try JSONValue(parsing: bytes, limits: limits) } catch {
      throw Malformed(reason: "not JSON (\(error.reason))")
    }
    guard let elements = value.arrayValue else { return [try JSONRPCMessage(value)] }
    let messages = elements.compactMap { try? JSONRPCMessage($0) }
    guard !messages.isEmpty else { throw Malformed(reason: "a batch without messages") }
    return messages
  }

  package init(_ value: JSONValue) throws(Malformed) {
    guard case .object(let object) = value else { throw Malformed(reason: "not an object") }
    guard object["jsonrpc"] == "2.0" else { throw Malformed(reason: "not JSON-RPC 2.0") }
    let id = object["id"].flatMap(RequestID.init)
    if let method = object["method"]?.stringValue {
      let params = object["params"]?.objectValue
      guard object["id"] != nil else {
        self = .notification(method: method, params: params)
        return
      }
      guard let id else { throw Malformed(reason: "a request with an id that is no id") }
      self = .request(id: id, method: method, params: params)
    } else if let failure = object["error"]?.objectValue {
      self = .failure(id: id, RPCFailure(failure))
    } else if let result = object["result"]?.objectValue, let id {
      self = .result(id: id, result)
    } else {
      throw Malformed(reason: "neither a request nor an answer")
    }
  }

  package var json: JSONValue {
    var object: JSONObject = ["jsonrpc": "2.0"]
    switch self {
    case .request(let id, let method, let params):
      object["id"] = id.json
      object["method"] = .string(method)
      if let params { object["params"] = .object(params) }
    case .notification(let method, let params):
      object["method"] = .string(method)
      if let params { object["params"] = .object(params) }
    case .result(let id, let result):
      object["id"] = id.json
      object["result"] = .object(result)
    case .failure(let id, let failure):
      object["id"] = id?.json ?? .null
      object["error"] = failure.json
    }
    return .object(object)
  }

  /// Compact, without line breaks: control characters are escaped.
  package var encoded: [UInt8] {
    var bytes: [UInt8] = []
    json.write(into: &bytes)
    return bytes
  }

  /// The request that this answers.
  var answeredID: RequestID? {
    switch self {
    case .result(let id, _): id
    case .failure(let id, _): id
    case .request, .notification: nil
    }
  }

  var isAnswer: Bool {
    switch self {
    case .result, .failure: true
    case .request, .notification: false
    }
  }

  /// The same answer to another id; no change to what is no answer.
  func answering(_ id: RequestID) -> JSONRPCMessage {
    switch self {
    case .result(_, let result): .result(id: id, result)
    case .failure(_, let failure): .failure(id: id, failure)
    case .request, .notification: self
    }
  }
}
