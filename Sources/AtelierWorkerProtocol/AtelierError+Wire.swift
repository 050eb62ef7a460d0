import AtelierCore

extension ByteWriter {
  mutating func write(_ error: AtelierError) {
    write(error.code.rawValue)
    write(error.message)
    write(optional: error.param) { $0.write($1) }
    write(error.details)
    write(optional: error.retryAfter) { $0.write(signed: Int64($1)) }
  }

  private mutating func write(_ object: JSONObject) {
    write(count: object.count)
    for (key, value) in object {
      write(key)
      write(value)
    }
  }

  private mutating func write(_ value: JSONValue) {
    switch value {
    case .null: write(byte: 0)
    case .bool(false): write(byte: 1)
    case .bool(true): write(byte: 2)
    case .integer(let number):
      write(byte: 3)
      write(signed: number)
    case .number(let number):
      write(byte: 4)
      write(number)
    case .string(let text):
      write(byte: 5)
      write(text)
    case .array(let elements):
      write(byte: 6)
      write(count: elements.count)
      for element in elements { write(element) }
    case .object(let object):
      write(byte: 7)
      write(object)
    }
  }
}

extension ByteReader {
  /// Error details are flat in practice; the bound keeps a hostile frame off the stack.
  private static let maxDetailDepth = 16
  private static let maxDetailMembers = 256
  /// Characters of the message and of the parameter's name; the rest is cut off.
  private static let maxErrorText = 4096
  /// Seconds a client is told to wait at most: a day.
  private static let maxRetryAfter: Int64 = 86_400

  mutating func error() throws(FrameError) -> AtelierError {
    guard let code = AtelierError.Code(rawValue: try string()) else { throw .malformed("an unknown error code") }
    let message = String(try string().prefix(Self.maxErrorText))
    let param = try optional { (reader) throws(FrameError) in String(try reader.string().prefix(Self.maxErrorText)) }
    let details = try object(depth: Self.maxDetailDepth)
    let retryAfter = try optional { (reader) throws(FrameError) -> Int in
      let seconds = try reader.signed()
      guard (0...Self.maxRetryAfter).contains(seconds) else { throw .malformed("a number is out of range") }
      return Int(seconds)
    }
    return AtelierError(code, message, param: param, details: details, retryAfter: retryAfter)
  }

  private mutating func object(depth: Int) throws(FrameError) -> JSONObject {
    let total = try count(elementBytes: 2)
    guard total <= Self.maxDetailMembers else { throw .malformed("error details have too many members") }
    var object = JSONObject()
    for _ in 0..<total {
      let key = try string()
      object[key] = try value(depth: depth)
    }
    return object
  }

  private mutating func value(depth: Int) throws(FrameError) -> JSONValue {
    switch try byte() {
    case 0: return .null
    case 1: return .bool(false)
    case 2: return .bool(true)
    case 3: return .integer(try signed())
    case 4: return .number(try double())
    case 5: return .string(try string())
    case 6:
      guard depth > 0 else { throw .malformed("error details are nested too deeply") }
      return .array(try array { (reader) throws(FrameError) in try reader.value(depth: depth - 1) })
    case 7:
      guard depth > 0 else { throw .malformed("error details are nested too deeply") }
      return .object(try object(depth: depth - 1))
    default: throw .malformed("an unknown kind of value")
    }
  }
}
