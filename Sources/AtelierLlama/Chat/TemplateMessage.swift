import Foundation

/// Shortens what llama.cpp says about a failed template to what helps the author of the chat.
enum TemplateMessage {
  private static let longest = 300

  /// What the template raised, without source lines and positions.
  static func forPeople(_ message: String) -> String {
    var text = message[...]
    if let raised = text.range(of: "Jinja Exception: ", options: .backwards) { text = text[raised.upperBound...] }
    if let prefix = text.range(of: "Error: ", options: .backwards), prefix.lowerBound != text.startIndex {
      text = text[prefix.upperBound...]
    }
    let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? "the template failed"
    return String(line.prefix(longest))
  }
}
