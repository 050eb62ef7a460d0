import AtelierCore

/// Reads the part of YAML 1.2 that `model.yaml` files are written in: block and flow collections, plain, quoted and block
/// scalars, comments, one document. Anchors, aliases, tags, directives and complex keys are refused, not misread.
///
/// Plain scalars follow the core schema: `null`, `true`, `12`, `0.5`; the rest is text.
package struct YAMLReader {
  /// Bytes of a file, nesting, and values in all.
  private static let longest = 256 << 10
  private static let deepest = 32
  private static let most = 20_000

  private struct Line {
    var number: Int
    var indent: Int
    /// Without indentation and comment; never empty.
    var text: Substring
  }

  /// Every line as written, for block scalars.
  private let raw: [Substring]
  private var lines: [Line] = []
  private var place = 0
  private var values = 0

  package static func value(of text: String) throws(YAMLError) -> JSONValue {
    guard text.utf8.count <= longest else { throw YAMLError(line: 1, reason: "the file is larger than 256 KiB") }
    var reader = try YAMLReader(text)
    guard let first = reader.lines.first else { return .null }
    let value = try reader.block(indent: first.indent, depth: 0)
    if reader.place < reader.lines.count { throw reader.fault("this line belongs to nothing above it") }
    return value
  }

  private init(_ text: String) throws(YAMLError) {
    raw = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    for (place, line) in raw.enumerated() {
      let number = place + 1
      let indent = line.prefix { $0 == " " }.count
      let content = Self.withoutComment(line.dropFirst(indent))
      if content.isEmpty { continue }
      if indent == 0, content == "---", lines.isEmpty { continue }
      if indent == 0, content == "..." { break }
      if indent == 0, content == "---" || content.hasPrefix("--- ") || content.first == "%" {
        throw YAMLError(line: number, reason: "one document without directives is read")
      }
      lines.append(Line(number: number, indent: indent, text: content))
    }
  }

  private var line: Line? { place < lines.count ? lines[place] : nil }

  private func fault(_ reason: String) -> YAMLError {
    YAMLError(line: line?.number ?? lines.last?.number ?? 1, reason: reason)
  }

  /// Cuts a comment and trailing white space; `#` counts only outside quotes and after white space.
  private static func withoutComment(_ text: Substring) -> Substring {
    var quote: Character?
    var previous: Character = " "
    var end = text.endIndex
    for place in text.indices {
      let character = text[place]
      if let open = quote {
        if character == open, !(open == "\"" && previous == "\\") { quote = nil }
        // An escaped backslash escapes nothing.
        previous = previous == "\\" && character == "\\" ? " " : character
        continue
      }
      if character == "#", previous == " " || previous == "\t" {
        end = place
        break
      }
      if character == "\"" || character == "'", " \t[{,:-".contains(previous) { quote = character }
      previous = character
    }
    return trimmed(text[..<end])
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text.drop { $0 == " " }
    while let last = text.last, last == " " || last == "\t" || last == "\r" { text.removeLast() }
    return text
  }

  // MARK: Blocks

  private mutating func count(_ depth: Int) throws(YAMLError) {
    values += 1
    guard values <= Self.most else { throw fault("the file holds too many values") }
    guard depth <= Self.deepest else { throw fault("the file is nested too deeply") }
  }

  /// The value that begins on the current line, whose lines have exactly that indentation.
  private mutating func block(indent: Int, depth: Int) throws(YAMLError) -> JSONValue {
    try count(depth)
    guard let line else { return .null }
    if Self.isItem(line.text) { return try sequence(indent: indent, depth: depth) }
    if try key(of: line) != nil { return try mapping(indent: indent, depth: depth) }
    return try scalar(line.text, parent: indent - 1, depth: depth)
  }

  private static func isItem(_ text: Substring) -> Bool { text == "-" || text.hasPrefix("- ") }

  private mutating func sequence(indent: Int, depth: Int) throws(YAMLError) -> JSONValue {
    var elements: [JSONValue] = []
    while let line, line.indent == indent, Self.isItem(line.text) {
      let rest = line.text.dropFirst().drop { $0 == " " }
      if rest.isEmpty {
        place += 1
        elements.append(try nested(in: indent, depth: depth + 1))
      } else {
        // What follows the dash is a block of its own that begins in that column.
        let column = indent + (line.text.count - rest.count)
        lines[place] = Line(number: line.number, indent: column, text: rest)
        elements.append(try block(indent: column, depth: depth + 1))
      }
    }
    return .array(elements)
  }

  private mutating func mapping(indent: Int, depth: Int) throws(YAMLError) -> JSONValue {
    var object = JSONObject()
    while let line, line.indent == indent {
      guard !Self.isItem(line.text), let (key, rest) = try key(of: line) else {
        throw fault("a key followed by a colon is expected")
      }
      guard object[key] == nil else { throw fault("the key '\(key.prefix(40))' stands here twice") }
      if rest.isEmpty {
        place += 1
        // A list may stand below its key without indentation.
        if let next = self.line, next.indent == indent, Self.isItem(next.text) {
          object[key] = try sequence(indent: indent, depth: depth + 1)
        } else {
          object[key] = try nested(in: indent, depth: depth + 1)
        }
      } else {
        try count(depth + 1)
        object[key] = try scalar(rest, parent: indent, depth: depth + 1)
      }
    }
    return .object(object)
  }

  /// The block below a key or dash; null when nothing is indented more.
  private mutating func nested(in indent: Int, depth: Int) throws(YAMLError) -> JSONValue {
    guard let next = line, next.indent > indent else { return .null }
    return try block(indent: next.indent, depth: depth)
  }

  /// The key at a line's beginning and what follows its colon; nil when the line is no entry of a mapping.
  private func key(of line: Line) throws(YAMLError) -> (String, Substring)? {
    let text = line.text
    if text.first == "\t" { throw YAMLError(line: line.number, reason: "tabs cannot indent") }
    if let quote = text.first, quote == "\"" || quote == "'" {
      var rest = text
      let key = try Self.quoted(&rest, line: line.number)
      guard rest.first == ":", rest.dropFirst().first.map({ $0 == " " }) ?? true else { return nil }
      return (key, Self.trimmed(rest.dropFirst()))
    }
    guard let first = text.first, !"[{|>".contains(first) else { return nil }
    for place in text.indices where text[place] == ":" {
      let after = text[text.index(after: place)...]
      guard after.isEmpty || after.first == " " else { continue }
      if first == "?" || first == "&" || first == "*" || first == "!" {
        throw YAMLError(line: line.number, reason: "anchors, aliases, tags and complex keys are not read")
      }
      return (String(Self.trimmed(text[..<place])), Self.trimmed(after))
    }
    return nil
  }

  // MARK: Scalars

  /// What follows a key or a dash. Continuation lines are those indented more than `parent`.
  private mutating func scalar(_ text: Substring, parent: Int, depth: Int) throws(YAMLError) -> JSONValue {
    let number = line?.number ?? 0
    guard let first = text.first else { return .null }
    switch first {
    case "|", ">": return .string(try blockScalar(header: text, parent: parent))
    case "?" where text.dropFirst().first.map({ $0 == " " }) ?? true, "&", "*", "!", "@", "`", "%":
      throw fault("anchors, aliases and tags are not read")
    case "[", "{":
      var whole = String(text)
      place += 1
      while !Self.isBalanced(whole), let next = line, next.indent > parent || "]}".contains(next.text.prefix(1)) {
        whole += " " + next.text
        place += 1
      }
      var rest = whole[...]
      let value = try flow(&rest, line: number, depth: depth)
      guard Self.trimmed(rest).isEmpty else { throw YAMLError(line: number, reason: "text follows a collection") }
      return value
    case "\"", "'":
      var rest = text
      let value = try Self.quoted(&rest, line: number)
      guard Self.trimmed(rest).isEmpty else { throw YAMLError(line: number, reason: "text follows a quoted text") }
      place += 1
      return .string(value)
    default:
      var whole = String(text)
      place += 1
      // Lines of one plain text are folded.
      while let next = line, next.indent > parent, !Self.isItem(next.text), try key(of: next) == nil {
        whole += " " + next.text
        place += 1
      }
      return Self.plain(whole)
    }
  }

  private mutating func blockScalar(header: Substring, parent: Int) throws(YAMLError) -> String {
    let marks = header.dropFirst()
    guard marks.allSatisfy({ "+-123456789".contains($0) }), marks.count <= 2, let start = line else {
      throw fault("a block of text begins with | or > alone")
    }
    var indent = marks.compactMap(\.wholeNumberValue).first.map { max(parent, 0) + $0 }
    var text: [Substring] = []
    // Raw lines: comments and empty lines are part of the text.
    var next = start.number
    while next < raw.count {
      let line = raw[next]
      let depth = line.prefix { $0 == " " }.count
      let isBlank = line.allSatisfy { $0 == " " || $0 == "\r" }
      if !isBlank {
        if indent == nil, depth > parent { indent = depth }
        guard let indent, depth >= indent else { break }
      }
      text.append(isBlank ? "" : line.dropFirst(indent ?? 0))
      next += 1
    }
    while place < lines.count, lines[place].number <= next { place += 1 }
    var trailing = 0
    while text.last?.isEmpty == true {
      text.removeLast()
      trailing += 1
    }
    let body = header.first == "|" ? text.joined(separator: "\n") : Self.folded(text)
    if marks.contains("-") || body.isEmpty { return body }
    return body + "\n" + (marks.contains("+") ? String(repeating: "\n", count: trailing) : "")
  }

  /// Single line ends become spaces; empty lines and more indented ones stay.
  private static func folded(_ lines: [Substring]) -> String {
    var text = ""
    var previous: Substring?
    for line in lines {
      if let before = previous {
        let keeps = before.isEmpty || line.isEmpty || line.first == " " || before.first == " "
        if !keeps { text += " " } else if !(before.isEmpty && !line.isEmpty) || line.first == " " { text += "\n" }
      }
      text += line
      previous = line
    }
    return text
  }

  private static func plain(_ text: String) -> JSONValue {
    switch text {
    case "null", "Null", "NULL", "~", "": return .null
    case "true", "True", "TRUE": return .bool(true)
    case "false", "False", "FALSE": return .bool(false)
    default: break
    }
    let digits = text.first == "-" || text.first == "+" ? text.dropFirst() : text[...]
    guard let first = digits.utf8.first, (0x30...0x39).contains(first) || first == UInt8(ascii: ".") else {
      return .string(text)
    }
    if digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int64(text) { return .integer(number) }
    let isNumber = digits.utf8.allSatisfy { (0x30...0x39).contains($0) || ".eE+-".utf8.contains($0) }
    if isNumber, let number = Double(text), number.isFinite { return .number(number) }
    return .string(text)
  }

  /// Takes a quoted text off the front.
  private static func quoted(_ text: inout Substring, line: Int) throws(YAMLError) -> String {
    guard let quote = text.popFirst() else { return "" }
    var value = ""
    while let character = text.popFirst() {
      if character == quote {
        // Two single quotes are one.
        guard quote == "'", text.first == "'" else { return value }
        text.removeFirst()
        value.append("'")
      } else if character == "\\", quote == "\"" {
        value.unicodeScalars.append(try escape(&text, line: line))
      } else {
        value.append(character)
      }
    }
    throw YAMLError(line: line, reason: "a quoted text does not end on its line")
  }

  private static func escape(_ text: inout Substring, line: Int) throws(YAMLError) -> Unicode.Scalar {
    let lengths: [Character: Int] = ["x": 2, "u": 4, "U": 8]
    let letters: [Character: Unicode.Scalar] = [
      "n": "\n", "t": "\t", "r": "\r", "0": "\0", "\\": "\\", "\"": "\"", "/": "/", " ": " ", "e": "\u{1B}",
    ]
    guard let letter = text.popFirst() else { throw YAMLError(line: line, reason: "a text ends in a backslash") }
    if let scalar = letters[letter] { return scalar }
    if let length = lengths[letter] {
      let digits = text.prefix(length)
      text = text.dropFirst(length)
      if digits.count == length, let number = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(number) {
        return scalar
      }
    }
    throw YAMLError(line: line, reason: "'\\\(letter)' is no escape")
  }

  // MARK: Flow collections

  /// Brackets outside quotes close as often as they open.
  private static func isBalanced(_ text: String) -> Bool {
    var depth = 0
    var quote: Character?
    var escaped = false
    for character in text {
      if let open = quote {
        if escaped {
          escaped = false
        } else if character == "\\", open == "\"" {
          escaped = true
        } else if character == open {
          quote = nil
        }
      } else if character == "\"" || character == "'" {
        quote = character
      } else if "[{".contains(character) {
        depth += 1
      } else if "]}".contains(character) {
        depth -= 1
      }
    }
    return depth <= 0
  }

  private mutating func flow(_ text: inout Substring, line: Int, depth: Int) throws(YAMLError) -> JSONValue {
    try count(depth)
    text = text.drop { $0 == " " }
    switch text.first {
    case "[":
      var elements: [JSONValue] = []
      try flowEntries(&text, closing: "]", line: line) { (reader, text) throws(YAMLError) in
        elements.append(try reader.flow(&text, line: line, depth: depth + 1))
      }
      return .array(elements)
    case "{":
      var object = JSONObject()
      try flowEntries(&text, closing: "}", line: line) { (reader, text) throws(YAMLError) in
        let key = try Self.flowText(&text, line: line, isKey: true)
        text = text.drop { $0 == " " }
        guard text.first == ":" else { throw YAMLError(line: line, reason: "a key in braces needs a colon") }
        text.removeFirst()
        guard object[key.text] == nil else { throw YAMLError(line: line, reason: "a key stands here twice") }
        object[key.text] = try reader.flow(&text, line: line, depth: depth + 1)
      }
      return .object(object)
    default:
      let scalar = try Self.flowText(&text, line: line, isKey: false)
      return scalar.isQuoted ? .string(scalar.text) : Self.plain(scalar.text)
    }
  }

  private mutating func flowEntries(
    _ text: inout Substring, closing: Character, line: Int,
    _ entry: (inout YAMLReader, inout Substring) throws(YAMLError) -> Void
  ) throws(YAMLError) {
    text.removeFirst()
    while true {
      text = text.drop { $0 == " " }
      guard let first = text.first else { throw YAMLError(line: line, reason: "'\(closing)' is missing") }
      if first == closing {
        text.removeFirst()
        return
      }
      try entry(&self, &text)
      text = text.drop { $0 == " " }
      if text.first == "," {
        text.removeFirst()
      } else if text.first != closing {
        throw YAMLError(line: line, reason: "a comma or '\(closing)' is missing")
      }
    }
  }

  private static func flowText(
    _ text: inout Substring, line: Int, isKey: Bool
  ) throws(YAMLError) -> (text: String, isQuoted: Bool) {
    text = text.drop { $0 == " " }
    if let first = text.first, first == "\"" || first == "'" { return (try quoted(&text, line: line), true) }
    if let first = text.first, "&*!|>%@`".contains(first) {
      throw YAMLError(line: line, reason: "anchors, aliases and tags are not read")
    }
    var end = text.startIndex
    while end < text.endIndex {
      let character = text[end]
      if ",[]{}".contains(character) { break }
      if isKey, character == ":" { break }
      end = text.index(after: end)
    }
    let word = trimmed(text[..<end])
    text = text[end...]
    return (String(word), false)
  }
}
