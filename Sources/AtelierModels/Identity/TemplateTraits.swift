import AtelierCore
import Foundation

/// What a chat template's text tells about its model (native.md 7.4). Reads names only; nothing is executed.
package struct TemplateTraits: Sendable, Hashable {
  package var handlesTools = false
  package var reasoning: ReasoningCapability?

  package init(template: String?) {
    guard let template else { return }
    let names = Self.names(in: template)
    handlesTools = names.contains("tools")
    if names.contains("enable_thinking") {
      reasoning = ReasoningCapability(allowedOptions: [.off, .on], defaultOption: .on)
    } else if names.contains("reasoning_effort") {
      reasoning = ReasoningCapability(allowedOptions: [.low, .medium, .high], defaultOption: .medium)
    } else if Self.alwaysOpensThinking(template) {
      reasoning = ReasoningCapability(allowedOptions: [.on], defaultOption: .on)
    }
  }

  /// The generation prompt itself ends in an opened thinking block that nothing closes.
  private static func alwaysOpensThinking(_ template: String) -> Bool {
    guard
      let tail = template.range(of: "add_generation_prompt", options: .backwards).map({ template[$0.upperBound...] })
    else { return false }
    return tail.contains("<think>") && !tail.contains("</think>")
  }

  /// Identifiers used inside `{{ }}` and `{% %}`, without those inside quotes or comments.
  private static func names(in template: String) -> Set<String> {
    let bytes = Array(template.utf8)
    var names: Set<String> = []
    var place = 0
    var inside = false
    while place < bytes.count {
      let byte = bytes[place]
      let next = place + 1 < bytes.count ? bytes[place + 1] : 0
      if !inside {
        if byte == UInt8(ascii: "{"), next == UInt8(ascii: "#") {
          place = end(of: "#}", in: bytes, from: place + 2)
        } else if byte == UInt8(ascii: "{"), next == UInt8(ascii: "{") || next == UInt8(ascii: "%") {
          inside = true
          place += 2
        } else {
          place += 1
        }
      } else if byte == UInt8(ascii: "}") || byte == UInt8(ascii: "%"), next == UInt8(ascii: "}") {
        inside = false
        place += 2
      } else if byte == UInt8(ascii: "'") || byte == UInt8(ascii: "\"") {
        place = endOfQuote(byte, in: bytes, from: place + 1)
      } else if isNameByte(byte) {
        let start = place
        while place < bytes.count, isNameByte(bytes[place]) { place += 1 }
        // `message.tools` is a member, not the list of tools.
        if start == 0 || bytes[start - 1] != UInt8(ascii: ".") {
          names.insert(String(decoding: bytes[start..<place], as: UTF8.self))
        }
      } else {
        place += 1
      }
    }
    return names
  }

  private static func end(of mark: StaticString, in bytes: [UInt8], from start: Int) -> Int {
    var place = start
    while place + 1 < bytes.count {
      if bytes[place] == mark.utf8Start[0], bytes[place + 1] == mark.utf8Start[1] { return place + 2 }
      place += 1
    }
    return bytes.count
  }

  private static func endOfQuote(_ quote: UInt8, in bytes: [UInt8], from start: Int) -> Int {
    var place = start
    while place < bytes.count, bytes[place] != quote { place += bytes[place] == UInt8(ascii: "\\") ? 2 : 1 }
    return min(place + 1, bytes.count)
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
