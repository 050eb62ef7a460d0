import AtelierCore

/// Reads the free text of a custom tool's call out of the JSON object the model writes, `{"input": "…"}`, while it is being
/// written.
struct CustomToolInput: Sendable {
  /// JSON Schema of that object.
  static let schema =
    #"{"type":"object","properties":{"input":{"type":"string","description":"The whole input, as plain text."}},"#
    + #""required":["input"],"additionalProperties":false}"#

  private enum State {
    /// Before the text's opening quote.
    case head
    case text
    /// After the text, or in an object of another form, whose text is known only when it is whole.
    case done
  }

  private var state = State.head
  /// Bytes that are not yet understood: the beginning of the object, or of an escape.
  private var pending: [UInt8] = []

  init() {}

  /// The arguments of a call with this text.
  static func arguments(of text: String) -> String { JSONValue.object(["input": .string(text)]).serialized() }

  /// The text of whole arguments; of arguments that were cut off, what there is of it.
  static func text(of arguments: String) -> String {
    if let value = try? JSONValue(parsing: arguments) { return value["input"]?.stringValue ?? arguments }
    var reader = CustomToolInput()
    let text = reader.feed(arguments)
    if case .head = reader.state { return "" }
    return text
  }

  /// The text that the next piece of the arguments makes known.
  mutating func feed(_ piece: String) -> String {
    pending.append(contentsOf: piece.utf8)
    if case .head = state { readHead() }
    guard case .text = state else { return "" }
    return readText()
  }

  private mutating func readHead() {
    var place = 0
    func skipSpace() { while place < pending.count, [0x20, 0x0A, 0x0D, 0x09].contains(pending[place]) { place += 1 } }
    for token in ["{", "\"input\"", ":", "\""] {
      skipSpace()
      for byte in token.utf8 {
        guard place < pending.count else { return }
        guard pending[place] == byte else {
          state = .done
          return
        }
        place += 1
      }
    }
    pending.removeFirst(place)
    state = .text
  }

  private mutating func readText() -> String {
    var text: [UInt8] = []
    var place = 0
    loop: while place < pending.count {
      switch pending[place] {
      case UInt8(ascii: "\""):
        state = .done
        break loop
      case UInt8(ascii: "\\"):
        guard let length = escapeLength(at: place) else { break loop }
        let escape = String(decoding: pending[place..<(place + length)], as: UTF8.self)
        let value = (try? JSONValue(parsing: "\"\(escape)\""))?.stringValue ?? "\u{FFFD}"
        text.append(contentsOf: value.utf8)
        place += length
      case let byte:
        text.append(byte)
        place += 1
      }
    }
    pending.removeFirst(place)
    return String(decoding: text, as: UTF8.self)
  }

  /// Bytes of the escape there, both halves of a surrogate pair included; nil while it is not whole.
  private func escapeLength(at place: Int) -> Int? {
    guard place + 1 < pending.count else { return nil }
    guard pending[place + 1] == UInt8(ascii: "u") else { return 2 }
    guard place + 6 <= pending.count else { return nil }
    guard [UInt8(ascii: "d"), UInt8(ascii: "D")].contains(pending[place + 2]),
      [
        UInt8(ascii: "8"), UInt8(ascii: "9"), UInt8(ascii: "a"), UInt8(ascii: "b"), UInt8(ascii: "A"),
        UInt8(ascii: "B"),
      ]
      .contains(pending[place + 3])
    else { return 6 }
    // Half of a pair: the other half must follow.
    let rest = pending[(place + 6)...].prefix(2)
    guard rest.elementsEqual("\\u".utf8.prefix(rest.count)) else { return 6 }
    return place + 12 <= pending.count ? 12 : nil
  }
}
