import AtelierTesting
import AtelierText
import Testing

struct StopStringFilterTests {
  private func run(_ pieces: [String], stops: [String]) -> (String, String?) {
    var filter = StopStringFilter(stops: stops)
    var text = ""
    for piece in pieces { text += filter.feed(piece) }
    text += filter.finish()
    return (text, filter.matchedStop)
  }

  @Test func aStopAcrossPiecesIsCut() {
    let (text, stop) = run(["Hello <", "/", "s> more"], stops: ["</s>"])
    #expect(text == "Hello ")
    #expect(stop == "</s>")
  }

  @Test func onlyAPossibleStopIsHeldBack() {
    var filter = StopStringFilter(stops: ["END", "\n\n"])
    #expect(filter.feed("abc") == "abc")
    #expect(filter.feed("xE") == "x")
    #expect(filter.feed("N") == "")
    #expect(filter.feed("?") == "EN?")
    #expect(filter.feed("a\n") == "a")
    #expect(filter.finish() == "\n")
    #expect(filter.matchedStop == nil)
  }

  @Test func theFirstCompleteStopWins() {
    #expect(run(["xabcde"], stops: ["abcde", "bcd"]) == ("xa", "bcd"))
    #expect(run(["xabc"], stops: ["c", "abc"]) == ("x", "abc"))
    #expect(run(["x b a"], stops: ["a", "b"]) == ("x ", "b"))
  }

  @Test func overlapsRestartTheSearch() {
    #expect(run(["a", "a", "a", "b"], stops: ["aab"]) == ("a", "aab"))
    #expect(run(["abab", "abac"], stops: ["abac"]) == ("abab", "abac"))
  }

  @Test func nothingComesAfterAMatch() {
    var filter = StopStringFilter(stops: ["X"])
    #expect(filter.feed("aXb") == "a")
    #expect(filter.feed("c") == "")
    #expect(filter.finish() == "")
  }

  @Test func canonicallyEqualTextIsNoMatch() {
    #expect(run(["caf\u{E9}"], stops: ["e\u{301}"]).1 == nil)
  }

  @Test func withoutStopsTextPasses() {
    #expect(run(["a", "b"], stops: []) == ("ab", nil))
    #expect(run(["a", "b"], stops: [""]) == ("ab", nil))
  }

  /// Compared with a search of the whole text for the match that ends first.
  @Test(arguments: 0..<20)
  func anyChunkingGivesTheSameText(_ seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let letters: [Character] = ["a", "b", "é", "🧵"]
    func word(_ range: ClosedRange<Int>) -> String {
      String((0..<Int.random(in: range, using: &generator)).map { _ in letters.randomElement(using: &generator)! })
    }
    for _ in 0..<150 {
      let stops = (0..<Int.random(in: 0...3, using: &generator)).map { _ in word(1...4) }
      let text = word(0...20)
      var expected = (text, String?.none)
      search: for end in text.indices + [text.endIndex] {
        for stop in stops.sorted(by: { $0.utf8.count > $1.utf8.count }) where text[..<end].hasSuffix(stop) {
          expected = (String(text[..<end].dropLast(stop.count)), stop)
          break search
        }
      }
      let result = run(generator.chunks(of: text), stops: stops)
      #expect(result == expected, "\(text) \(stops)")
    }
  }
}
