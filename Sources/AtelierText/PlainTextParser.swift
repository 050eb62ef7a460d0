/// The parser of models without reasoning or tool formats: all text is message text.
package struct PlainTextParser: OutputParser, Sendable {
  package init() {}

  package mutating func feed(_ text: String) -> [ParsedOutput] { text.isEmpty ? [] : [.message(text)] }
  package mutating func finish() -> [ParsedOutput] { [] }
}
