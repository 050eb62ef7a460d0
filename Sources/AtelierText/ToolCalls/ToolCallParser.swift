import AtelierCore

/// Reads calls in `CallMarkup`, after reasoning. What looks like a call but is none, by form or by an unknown name, is
/// message text. White space around calls is dropped.
package struct ToolCallParser: OutputParser, Sendable {
  private enum State: Sendable {
    case text
    /// After the opening tag: not yet known to be a call.
    case head([UInt8])
    case arguments(JSONObjectSpan)
    /// After the arguments: `}` and the closing tag are expected.
    case tail([UInt8])
  }

  /// Bytes between the opening tag and the arguments at most.
  private static let maxHead = 2_048

  private let names: Set<String>
  private let callsOnly: Bool
  private var reasoning: ReasoningParser
  private var state = State.text
  private var scanner = PatternScanner([CallMarkup.start])
  /// White space that belongs to the message only if more text follows.
  private var space = ""
  private var calls = 0

  /// `names`: the functions that were offered. `callsOnly`: a grammar holds the answer to calls, so what is no call is the
  /// beginning of one that was cut off, and no message.
  package init(names: Set<String>, reasoning: ReasoningParser, callsOnly: Bool = false) {
    self.names = names
    self.callsOnly = callsOnly
    self.reasoning = reasoning
  }

  package mutating func feed(_ text: String) -> [ParsedOutput] {
    var outputs: [ParsedOutput] = []
    for output in reasoning.feed(text) { add(output, to: &outputs) }
    return outputs
  }

  package mutating func finish() -> [ParsedOutput] {
    var outputs: [ParsedOutput] = []
    for output in reasoning.finish() { add(output, to: &outputs) }
    switch state {
    case .text: say(scanner.finish(), &outputs)
    case .head(let bytes): say(CallMarkup.start + String(decoding: bytes, as: UTF8.self), &outputs)
    case .arguments: outputs.append(.toolCallFinished(index: calls - 1))
    case .tail: break
    }
    state = .text
    scanner = PatternScanner([CallMarkup.start])
    if calls == 0, !space.isEmpty, !callsOnly { outputs.append(.message(space)) }
    space = ""
    return outputs
  }

  private mutating func add(_ output: ParsedOutput, to outputs: inout [ParsedOutput]) {
    guard case .message(let text) = output else { return outputs.append(output) }
    var rest = text
    while !rest.isEmpty { rest = read(rest, &outputs) }
  }

  /// Reads in the present state; returns what is left for the next one.
  private mutating func read(_ text: String, _ outputs: inout [ParsedOutput]) -> String {
    switch state {
    case .text:
      let output = scanner.feed(text)
      say(output.text, &outputs)
      guard output.match != nil else { return "" }
      scanner = PatternScanner([CallMarkup.start])
      state = .head([])
      return output.rest
    case .head(let before):
      let bytes = before + Array(text.utf8)
      var reader = MarkupReader(bytes)
      switch reader.head() {
      case .complete(let name) where names.contains(name):
        space = ""
        calls += 1
        outputs.append(.toolCallStarted(index: calls - 1, id: "call_" + RandomText.base62(24), name: name))
        state = .arguments(JSONObjectSpan())
        return reader.rest
      case .incomplete where bytes.count <= Self.maxHead:
        state = .head(bytes)
        return ""
      case .complete, .incomplete, .wrong:
        state = .text
        say(CallMarkup.start, &outputs)
        return String(decoding: bytes, as: UTF8.self)
      }
    case .arguments(var span):
      let bytes = Array(text.utf8)
      let end = span.end(in: bytes)
      let piece = String(decoding: bytes[..<(end ?? bytes.count)], as: UTF8.self)
      if !piece.isEmpty { outputs.append(.toolCallArguments(index: calls - 1, text: piece)) }
      state = .arguments(span)
      guard let end else { return "" }
      outputs.append(.toolCallFinished(index: calls - 1))
      state = .tail([])
      return String(decoding: bytes[end...], as: UTF8.self)
    case .tail(let before):
      let bytes = before + Array(text.utf8)
      var reader = MarkupReader(bytes)
      switch reader.tail() {
      case .complete:
        state = .text
        return reader.rest
      case .incomplete where bytes.count <= Self.maxHead:
        state = .tail(bytes)
        return ""
      case .incomplete, .wrong:
        state = .text
        return String(decoding: bytes, as: UTF8.self)
      }
    }
  }

  private mutating func say(_ text: String, _ outputs: inout [ParsedOutput]) {
    guard !text.isEmpty, !callsOnly else { return }
    let all = space + text
    let scalars = all.unicodeScalars
    let end = scalars.lastIndex { !$0.properties.isWhitespace }.map { scalars.index(after: $0) } ?? scalars.startIndex
    if end > scalars.startIndex { outputs.append(.message(String(scalars[..<end]))) }
    space = String(scalars[end...])
  }
}

/// Finds the end of a JSON object in bytes that come in pieces, by its braces and strings.
struct JSONObjectSpan: Sendable {
  private var depth = 0
  private var isInString = false
  private var isEscaped = false

  /// The index behind the object's last byte; nil while it goes on.
  mutating func end(in bytes: [UInt8]) -> Int? {
    for (index, byte) in bytes.enumerated() {
      if isInString {
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInString = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "\""): isInString = true
      case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
      case UInt8(ascii: "}"), UInt8(ascii: "]"):
        depth -= 1
        if depth == 0 { return index + 1 }
      default: break
      }
    }
    return nil
  }
}

/// Reads what stands around a call's arguments; white space may stand anywhere between.
private struct MarkupReader {
  enum Reading {
    /// So far it fits.
    case incomplete
    case wrong
    /// With the function's name, where there is one.
    case complete(String)
  }

  private let bytes: [UInt8]
  private var place = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var rest: String { String(decoding: bytes[place...], as: UTF8.self) }

  /// Up to the arguments' opening brace, which is left in `rest`.
  mutating func head() -> Reading {
    for text in ["{", "\"name\"", ":"] {
      if let failure = expect(text) { return failure }
    }
    skipSpace()
    let start = place
    guard place < bytes.count else { return .incomplete }
    guard bytes[place] == UInt8(ascii: "\"") else { return .wrong }
    place += 1
    while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
      place += bytes[place] == UInt8(ascii: "\\") ? 2 : 1
    }
    guard place < bytes.count else { return .incomplete }
    place += 1
    guard let name = try? JSONValue(parsing: String(decoding: bytes[start..<place], as: UTF8.self)).stringValue else {
      return .wrong
    }
    for text in [",", "\"arguments\"", ":", "{"] {
      if let failure = expect(text) { return failure }
    }
    place -= 1
    return .complete(name)
  }

  mutating func tail() -> Reading { expect("}") ?? expect(CallMarkup.end) ?? .complete("") }

  private mutating func skipSpace() {
    while place < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[place]) { place += 1 }
  }

  private mutating func expect(_ text: String) -> Reading? {
    skipSpace()
    for byte in text.utf8 {
      guard place < bytes.count else { return .incomplete }
      guard bytes[place] == byte else { return .wrong }
      place += 1
    }
    return nil
  }
}
