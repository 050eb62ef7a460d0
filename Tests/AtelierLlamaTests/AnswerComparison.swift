import AtelierEngine
import Testing

/// llama.cpp adds up attention in half precision, in an order and by kernels that depend on what else is in the batch and
/// where the cells lie. So two ways to the same tokens give logits that differ a little, and where two tokens tie the
/// greedy choice may fall either way. What must hold: the same tokens up to such a tie, and close log probabilities.
enum AnswerComparison {
  /// Log probabilities of the same token differ by less.
  static let tolerance: Float = 0.5
  /// Two best tokens closer than this tie.
  static let tie: Float = 0.4

  /// Compares greedy answers; returns the number of equal tokens.
  @discardableResult
  static func expectSame(
    _ answer: RealEngine.Answer, as expected: RealEngine.Answer, at location: SourceLocation = #_sourceLocation
  ) -> Int {
    #expect(answer.probabilities.count == answer.tokens.count, sourceLocation: location)
    for index in expected.tokens.indices {
      guard index < answer.tokens.count else {
        // Ended by a tie with the end-of-text token, which is not reported.
        #expect(answer.end == .endOfText, sourceLocation: location)
        return index
      }
      let before = expected.probabilities[index]
      let after = answer.probabilities[index]
      guard expected.tokens[index] == answer.tokens[index] else {
        let isTie = before.top.count > 1 && before.top[0].logprob - before.top[1].logprob < tie
        #expect(
          isTie && before.top.contains { $0.token == answer.tokens[index] }, "token \(index) differs without a tie",
          sourceLocation: location)
        return index
      }
      #expect(abs(before.logprob - after.logprob) < tolerance, "at token \(index)", sourceLocation: location)
    }
    return expected.tokens.count
  }
}
