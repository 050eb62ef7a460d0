import AtelierCore
import AtelierTesting
import Testing

struct EventContractTests {
  private static let good: [GenerationEvent] = [
    .promptStarted, .promptProgress(0.5), .promptFinished(PromptUsage(tokens: 4, cachedTokens: 2)),
    .reasoningStarted, .reasoningDelta("a"), .reasoningFinished, .messageStarted, .messageDelta("b", []),
    .messageFinished,
  ]
  private static let goodEnd = GenerationEvent.finished(
    GenerationResult(output: [.reasoning("a"), .message("b")]))
  private static let head = ToolCallHead(id: "c", name: "f")
  private static let call = ToolCall(id: "c", name: "f", arguments: "{}")
  private static let error = AtelierError(.engineDied, "x")

  private func violations(_ events: [GenerationEvent]) -> [String] { EventContract.violations(in: events) }

  @Test func goodStreamsPass() {
    #expect(violations(Self.good + [Self.goodEnd]) == [])
    #expect(
      violations([
        .promptStarted, .promptFinished(PromptUsage(tokens: 1, cachedTokens: 0)), .toolCallStarted(Self.head),
        .failed(Self.error), .finished(GenerationResult(finishReason: .failed)),
      ]) == [])
    #expect(violations([.failed(Self.error), .finished(GenerationResult(finishReason: .modelUnloaded))]) == [])
  }

  @Test func aMissingEndIsSeen() {
    #expect(violations([]).count == 1)
    #expect(violations(Self.good) == ["event 9: the stream ended without 'finished'"])
  }

  /// Each inserts or replaces one event of the good stream.
  static let broken: [(String, Int, [GenerationEvent])] = [
    ("a delta outside", 3, [.messageDelta("x", [])]), ("an overlapping block", 4, [.messageStarted]),
    ("a delta of another kind", 4, [.messageDelta("x", [])]), ("an end without start", 3, [.reasoningFinished]),
    ("an empty delta", 4, [.reasoningDelta("")]), ("text before the prompt", 0, [.messageStarted, .messageFinished]),
    ("falling progress", 2, [.promptProgress(0.25)]), ("progress past the end", 2, [.promptProgress(1.5)]),
    ("a late instance", 3, [.instanceSelected(selection)]),
    ("a late load", 3, [.loadStarted, .loadFinished(seconds: 1)]),
    ("a load end alone", 0, [.loadFinished(seconds: 1)]), ("an open call", 9, [.toolCallStarted(head)]),
    ("failed within a text block", 5, [.failed(error)]),
    ("an unasked result", 9, [.toolCallSucceeded(call, provider: nil, output: "")]),
    ("arguments without a call", 9, [.toolCallArguments(call, provider: nil)]),
    (
      "another call's arguments", 9,
      [.toolCallStarted(head), .toolCallArguments(ToolCall(id: "d", name: "f", arguments: "{}"), provider: nil)]
    ),
    (
      "deltas unlike the arguments", 9,
      [.toolCallStarted(head), .toolCallArgumentsDelta("{1"), .toolCallArguments(call, provider: nil)]
    ),
    ("output that is not the fold", 9, [.messageStarted, .messageDelta("more", []), .messageFinished]),
    ("events after finished", 9, [goodEnd]),
    ("too many cached tokens", 3, [.promptStarted, .promptFinished(PromptUsage(tokens: 1, cachedTokens: 2))]),
    ("two failures", 9, [.failed(error), .failed(error)]),
    ("text after a failure", 9, [.failed(error), .messageStarted]),
  ]
  private static let selection = InstanceSelection(
    instanceID: "i", modelKey: "m", architecture: nil, quantization: nil, contextLength: 1)

  @Test(arguments: broken.indices) func brokenStreamsAreSeen(index: Int) {
    let (what, place, events) = Self.broken[index]
    var stream = Self.good
    stream.insert(contentsOf: events, at: place)
    #expect(!violations(stream + [Self.goodEnd]).isEmpty, "\(what)")
  }

  @Test func failureAndFinishReasonBelongTogether() {
    #expect(!violations([.failed(Self.error), .finished(GenerationResult())]).isEmpty)
    #expect(!violations([.finished(GenerationResult(finishReason: .failed))]).isEmpty)
    #expect(
      !violations([.failed(Self.error), .finished(GenerationResult(finishReason: .failed, responseID: "r"))]).isEmpty)
  }
}
