import AtelierCore

/// The id of a JSON-RPC request. `1` and `"1"` are two ids.
package enum RequestID: Sendable, Hashable {
  case integer(Int64)
  case string(String)

  init?(_ value: JSONValue) {
    switch value {
    case .integer(let number): self = .integer(number)
    case .string(let text): self = .string(text)
    default: return nil
    }
  }

  var json: JSONValue {
    switch self {
    case .integer(let number): .integer(number)
    case .string(let text): .string(text)
    }
  }
}
