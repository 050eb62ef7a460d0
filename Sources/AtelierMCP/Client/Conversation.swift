import AtelierCore

/// Who waits for what on one connection: ids, deadlines, and what every message of the server means. Pure; time is passed
/// in.
struct Conversation: Sendable {
  enum Effect: Sendable, Hashable {
    case answer(RequestID, Result<JSONObject, MCPError>)
    /// To be sent.
    case reply(JSONRPCMessage)
    case toolsChanged
    /// The server accepted our subscription to changes.
    case subscribed
    /// Something the server wants written down.
    case log(level: String, text: String)
  }

  private struct Pending {
    var timeout: Duration?
    var deadline: Duration?
    /// Progress moves the deadline no further.
    var latest: Duration?
  }

  private var pending: [RequestID: Pending] = [:]
  private var lastID: Int64 = 0

  var outstanding: Int { pending.count }

  /// A new id, under which an answer is expected within `timeout`, counted anew from every progress reported under the
  /// id's number, but within `longest` in all. `timeout` nil: for as long as the connection lasts.
  mutating func open(timeout: Duration?, longest: Duration, now: Duration) -> RequestID {
    lastID += 1
    let id = RequestID.integer(lastID)
    pending[id] = Pending(
      timeout: timeout, deadline: timeout.map { now + min($0, longest) }, latest: timeout.map { _ in now + longest })
    return id
  }

  mutating func close(_ id: RequestID) { pending[id] = nil }

  /// nil when nothing is expected, or without end.
  func deadline(of id: RequestID) -> Duration? { pending[id]?.deadline }

  mutating func receive(_ message: JSONRPCMessage, now: Duration) -> [Effect] {
    switch message {
    case .result(let id, let result):
      return pending.removeValue(forKey: id) == nil ? [] : [.answer(id, .success(result))]
    case .failure(let id?, let failure):
      return pending.removeValue(forKey: id) == nil ? [] : [.answer(id, .failure(.rpc(failure)))]
    case .failure(nil, let failure):
      return [.log(level: "warning", text: "refused a message: " + MCPError.rpc(failure).description)]
    case .request(let id, "ping", _): return [.reply(.result(id: id, [:]))]
    case .request(let id, _, _):
      return [.reply(.failure(id: id, RPCFailure(code: RPCFailure.methodNotFound, message: "Method not found")))]
    case .notification(let method, let params): return notified(method, params ?? [:], now)
    }
  }

  private mutating func notified(_ method: String, _ params: JSONObject, _ now: Duration) -> [Effect] {
    switch method {
    case "notifications/progress":
      guard let id = params["progressToken"].flatMap(RequestID.init), let request = pending[id],
        let timeout = request.timeout, let latest = request.latest
      else { return [] }
      pending[id]?.deadline = min(now + timeout, latest)
      return []
    case "notifications/tools/list_changed": return [.toolsChanged]
    case "notifications/subscriptions/acknowledged": return [.subscribed]
    case "notifications/message":
      let data = params["data"] ?? .null
      return [.log(level: params["level"]?.stringValue ?? "info", text: data.stringValue ?? data.serialized())]
    default: return []
    }
  }
}
