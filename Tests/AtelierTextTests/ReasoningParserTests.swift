import AtelierTesting
import AtelierText
import Testing

struct ReasoningParserTests {
  private func parse(_ pieces: [String], startsInside: Bool = false, endTags: [String] = ["</think>"]) -> (
    String, String
  ) {
    var parser = ReasoningParser(startTag: "<think>", endTags: endTags, startsInside: startsInside)
    var reasoning = ""
    var message = ""
    for output in pieces.flatMap({ parser.feed($0) }) + parser.finish() {
      switch output {
      case .reasoning(let text):
        #expect(!text.isEmpty && message.isEmpty)
        reasoning += text
      case .message(let text):
        #expect(!text.isEmpty)
        message += text
      default: Issue.record("unexpected \(output)")
      }
    }
    return (reasoning, message)
  }

  static let cases: [(text: String, inside: Bool, reasoning: String, message: String)] = [
    ("<think>a b</think>c", false, "a b", "c"),
    ("\n <think>\n\nhm\n</think>\n\nHi\n", false, "\n\nhm", "Hi\n"),
    ("<think>\n\n</think>\n\nHi", false, "\n", "Hi"),
    ("<think></think>", false, "", ""),
    ("<think>a\n\n</think> \n\t", false, "a\n", ""),
    ("<think>cut off\n", false, "cut off\n", ""),
    ("<think>cut</thi", false, "cut</thi", ""),
    ("  plain <think>x</think>", false, "", "  plain <think>x</think>"),
    ("<thin ice", false, "", "<thin ice"),
    (" <thi", false, "", " <thi"),
    ("", false, "", ""),
    (" \n", false, "", " \n"),
    ("\nhm\n</think>\nyes </think>", true, "\nhm", "yes </think>"),
    ("<think>again</think>ok", true, "again", "ok"),
    ("never closed", true, "never closed", ""),
    ("a</think >b</</think>c", true, "a</think >b</", "c"),
    ("a\n\n\nb\n</think>c", true, "a\n\n\nb", "c"),
    ("\u{301}x</think>\u{2003}y", true, "\u{301}x", "y"),
  ]

  @Test(arguments: cases)
  func separates(_ example: (text: String, inside: Bool, reasoning: String, message: String)) {
    let (reasoning, message) = parse([example.text], startsInside: example.inside)
    #expect(Array(reasoning.utf8) == Array(example.reasoning.utf8))
    #expect(Array(message.utf8) == Array(example.message.utf8))
  }

  @Test func anyEndTagEnds() {
    #expect(parse(["<think>a<|x|>b</think>"], endTags: ["</think>", "<|x|>"]) == ("a", "b</think>"))
  }

  @Test func textFlowsWithoutDelay() {
    var parser = ReasoningParser(startTag: "<think>", endTags: ["</think>"], startsInside: true)
    #expect(parser.feed("let") == [.reasoning("let")])
    #expect(parser.feed(" me\n") == [.reasoning(" me")])
    #expect(parser.feed("see <") == [.reasoning("\nsee ")])
    #expect(parser.feed("/think>\n") == [])
    #expect(parser.feed("\nSo") == [.message("So")])
    #expect(parser.feed("\n") == [.message("\n")])
    #expect(parser.finish() == [])
  }

  @Test(arguments: 0..<10)
  func anyChunkingGivesTheSameResult(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let parts = ["<think>", "</think>", "\n", " ", "a", "ß", "<", "</", "think>", "\u{301}", "\r\n", "🧵"]
    for round in 0..<150 {
      let text =
        (round % 2 == 0 ? "<think>" : "")
        + (0..<Int.random(in: 0...10, using: &generator)).map { _ in parts.randomElement(using: &generator)! }.joined()
      let inside = Bool.random(using: &generator)
      let whole = parse([text], startsInside: inside)
      let pieces = parse(generator.chunks(of: text), startsInside: inside)
      #expect(Array(whole.0.utf8) == Array(pieces.0.utf8), "\(text.debugDescription)")
      #expect(Array(whole.1.utf8) == Array(pieces.1.utf8), "\(text.debugDescription)")
    }
  }

  @Test func plainTextIsTheMessage() {
    var parser = PlainTextParser()
    #expect(parser.feed("<think>a") == [.message("<think>a")])
    #expect(parser.feed("") == [])
    #expect(parser.finish() == [])
  }
}
