import Testing

@testable import AtelierCore

struct AnswerAllowanceTests {
  private static let besides = AnswerAllowance.bytesBesides
  private static let each = AnswerAllowance.bytesPerEvent

  @Test(arguments: [0, 1, 50])
  func tokensAllowText(tokens: Int) {
    let most = Self.besides + tokens * AnswerAllowance.bytesPerToken - Self.each
    for (length, isAdmitted) in [(most, true), (most + 1, false)] {
      var allowance = AnswerAllowance()
      let admits = allowance.admits(.messageDelta(String(repeating: "x", count: length), []), tokens: tokens)
      #expect(admits == isAdmitted)
    }
  }

  /// Twenty alternatives of every token fit.
  @Test func logProbabilitiesFit() {
    let alternative = TokenLogprob.Alternative(token: 1, bytes: [1, 2, 3], logprob: -1)
    let token = TokenLogprob(chosen: alternative, top: Array(repeating: alternative, count: 20))
    var allowance = AnswerAllowance()
    for count in 1...5000 {
      let admits = allowance.admits(.messageDelta("abc", [token]), tokens: count)
      #expect(admits)
    }
  }

  @Test func everyEventCounts() {
    var allowance = AnswerAllowance()
    let count = (0..<10_000).prefix { _ in allowance.admits(.reasoningStarted, tokens: 0) }.count
    #expect(count == Self.besides / Self.each)
  }

  /// A long prompt is read in many steps before its first token.
  @Test func progressOfThePromptIsFree() {
    var allowance = AnswerAllowance()
    let isFree = (0..<10_000).allSatisfy { allowance.admits(.promptProgress(Double($0)), tokens: 0) }
    let admits = allowance.admits(.reasoningStarted, tokens: 0)
    #expect(isFree && admits)
  }
}
