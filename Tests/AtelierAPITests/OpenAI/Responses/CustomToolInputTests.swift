import AtelierCore
import Foundation
import Testing

@testable import AtelierAPI

struct CustomToolInputTests {
  static let texts = [
    "", "plain", "*** Begin Patch\n*** End Patch\n", #"quotes " and \ and /"#, "tab\t\u{1}", "é🙂wörld",
    "{\"input\":\"x\"}",
  ]

  /// JSON text with everything that can be escaped escaped.
  private static func escaped(_ text: String) -> String {
    "{ \"input\" : \"" + text.utf16.map { String(format: "\\u%04x", $0) }.joined() + "\"}"
  }

  @Test(arguments: texts) func textComesOutAsItIsWritten(text: String) {
    for arguments in [CustomToolInput.arguments(of: text), Self.escaped(text)] {
      #expect(CustomToolInput.text(of: arguments) == text)
      let characters = Array(arguments)
      for cut in 0...characters.count {
        var reader = CustomToolInput()
        let first = reader.feed(String(characters[..<cut]))
        #expect(text.hasPrefix(first))
        #expect(first + reader.feed(String(characters[cut...])) == text)
      }
      var reader = CustomToolInput()
      #expect(characters.map { reader.feed(String($0)) }.joined() == text)
    }
  }

  @Test func whatIsCutKeepsItsBeginning() {
    #expect(CustomToolInput.text(of: #"{"input":"one\ntw"#) == "one\ntw")
    #expect(CustomToolInput.text(of: #"{"input":"half \ud83d"#) == "half ")
    #expect(CustomToolInput.text(of: #"{"inp"#) == "")
    #expect(CustomToolInput.text(of: "") == "")
  }

  @Test func anotherFormIsShownAsItIs() {
    #expect(CustomToolInput.text(of: #"{"cmd":"ls"}"#) == #"{"cmd":"ls"}"#)
    #expect(CustomToolInput.text(of: #"{"input":7}"#) == #"{"input":7}"#)
    var reader = CustomToolInput()
    #expect(reader.feed(#"{"cmd":"input"}"#) == "")
  }
}
