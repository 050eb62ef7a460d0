/// Separates reasoning between tags, which comes first, from the answer. Without a start tag at the beginning (white space
/// apart) all text is the answer, whatever tags it quotes.
///
/// White space (native.md 4.8, 5.3): the reasoning keeps its leading newlines and loses the newline just before the end
/// tag; white space around the tags outside the reasoning is dropped.
package struct ReasoningParser: OutputParser, Sendable {
  private enum State: Sendable {
    /// Nothing but white space and perhaps a part of the start tag came so far: kept here.
    case opening(String)
    case reasoning
    /// Between the end tag and the answer.
    case gap
    case answer
  }

  private let startTag: String
  private let startsInside: Bool
  private var state: State = .opening("")
  private var scanner: PatternScanner
  /// The reasoning's last newline, which the end tag would swallow.
  private var newlineHeld = false

  /// `startsInside`: the prompt ended with the start tag, so the text begins as reasoning; the model may repeat the tag.
  package init(startTag: String, endTags: [String], startsInside: Bool) {
    self.startTag = startTag
    self.startsInside = startsInside
    scanner = PatternScanner(endTags.filter { !$0.isEmpty })
  }

  /// The next text is reasoning, or the tag that ends it.
  package var isInside: Bool { if case .reasoning = state { true } else { false } }

  package mutating func feed(_ text: String) -> [ParsedOutput] {
    guard !text.isEmpty else { return [] }
    switch state {
    case .opening(let before): return open(before + text)
    case .reasoning: return reason(text)
    case .gap: return skipGap(text)
    case .answer: return [.message(text)]
    }
  }

  package mutating func finish() -> [ParsedOutput] {
    switch state {
    case .opening(let text):
      guard !text.isEmpty else { return [] }
      return [startsInside ? .reasoning(text) : .message(text)]
    case .reasoning:
      let text = (newlineHeld ? "\n" : "") + scanner.finish()
      newlineHeld = false
      return text.isEmpty ? [] : [.reasoning(text)]
    case .gap, .answer: return []
    }
  }

  private mutating func open(_ text: String) -> [ParsedOutput] {
    let visible = text.unicodeScalars.drop { $0.properties.isWhitespace }
    let start = text[visible.startIndex...].utf8
    if !startTag.isEmpty, start.starts(with: startTag.utf8) {
      state = .reasoning
      let rest = String(text[start.index(start.startIndex, offsetBy: startTag.utf8.count)...])
      return rest.isEmpty ? [] : reason(rest)
    }
    // The tag may still come.
    if !startTag.isEmpty, startTag.utf8.starts(with: start) {
      state = .opening(text)
      return []
    }
    if startsInside {
      state = .reasoning
      return reason(text)
    }
    state = .answer
    return [.message(text)]
  }

  private mutating func reason(_ text: String) -> [ParsedOutput] {
    let output = scanner.feed(text)
    var certain = (newlineHeld ? "\n" : "") + output.text
    let endsWithNewline = certain.utf8.last == UInt8(ascii: "\n")
    if endsWithNewline { certain.unicodeScalars.removeLast() }
    newlineHeld = endsWithNewline && output.match == nil
    let reasoning: [ParsedOutput] = certain.isEmpty ? [] : [.reasoning(certain)]
    guard output.match != nil else { return reasoning }
    state = .gap
    return reasoning + (output.rest.isEmpty ? [] : skipGap(output.rest))
  }

  private mutating func skipGap(_ text: String) -> [ParsedOutput] {
    let visible = text.unicodeScalars.drop { $0.properties.isWhitespace }
    guard !visible.isEmpty else { return [] }
    state = .answer
    return [.message(String(visible))]
  }
}
