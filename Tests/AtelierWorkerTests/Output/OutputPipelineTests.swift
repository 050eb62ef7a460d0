import AtelierCore
import AtelierEngine
import AtelierTesting
import AtelierText
import Testing

@testable import AtelierWorker

struct OutputPipelineTests {
  /// Emits what it is told, one list per piece of text.
  private struct ScriptedParser: OutputParser {
    var script: [String: [ParsedOutput]]
    var atEnd: [ParsedOutput] = []
    mutating func feed(_ text: String) -> [ParsedOutput] { script[text] ?? [] }
    mutating func finish() -> [ParsedOutput] { atEnd }
  }

  private func run(
    _ events: [(SequenceEvent, Double)], parser: any OutputParser = PlainTextParser(), pieces: [Int32: String] = [:],
    stops: [String] = []
  ) -> (events: [GenerationEvent], action: OutputPipeline.Action) {
    var pipeline = OutputPipeline(promptTokens: 10, accepted: 1, stops: stops, parser: parser) {
      Array((pieces[$0] ?? "").utf8)
    }
    var produced: [GenerationEvent] = []
    var action = OutputPipeline.Action.proceed
    for (event, now) in events where action == .proceed { action = pipeline.handle(event, now: now, into: &produced) }
    #expect(EventContract.violations(in: produced) == [])
    return (produced, action)
  }

  private func progress(_ events: [GenerationEvent]) -> [Double] {
    events.compactMap { if case .promptProgress(let value) = $0 { value } else { nil } }
  }

  private func result(_ events: [GenerationEvent]) -> GenerationResult? {
    if case .finished(let result)? = events.last { result } else { nil }
  }

  /// Stop strings, halves of characters, reasoning and calls over the seam: whatever the place, what a second pipeline says
  /// after the silent replay is the rest of what one says alone.
  @Test(arguments: 0...13)
  func anAnswerGoesOnInAnotherPipeline(place: Int) {
    let pieces: [Int32: String] = [
      2: "<think>", 3: "hm", 4: "</think>", 5: "\n", 6: "EN", 7: "Well", 8: "<tool_call>", 9: "{\"name\": \"f\", ",
      10: "\"arguments\": {\"a\"", 11: ": 1}}", 12: "</tool_call>", 13: "EN", 14: "D",
    ]
    func pipeline() -> OutputPipeline {
      OutputPipeline(
        promptTokens: 10, accepted: 1, stops: ["END"],
        parser: ToolCallParser(
          names: ["f"], reasoning: ReasoningParser(startTag: "<think>", endTags: ["</think>"], startsInside: false))
      ) { Array((pieces[$0] ?? "").utf8) }
    }
    func event(_ token: Int32) -> SequenceEvent {
      .token(token, TokenProbability(logprob: -Float(token), top: [(token: 2, logprob: -1)]))
    }
    var whole: [GenerationEvent] = []
    var alone = pipeline()
    _ = alone.handle(.prompt(processed: 10, cached: 10, total: 10), now: 1, into: &whole)
    var soFar = AnswerSoFar(tokens: [])
    var second: [GenerationEvent] = []
    for token in Int32(2)...14 {
      let count = whole.count
      let action = alone.handle(event(token), now: 1, into: &whole)
      #expect(action == (token == 14 ? .cancelSequence : .proceed))
      guard soFar.tokens.count < place else {
        second += whole[count...]
        continue
      }
      soFar.tokens.append(token)
      if let logprob = alone.lastLogprob { soFar.logprobs.append(logprob) }
      for case .toolCallStarted(let head) in whole[count...] { soFar.callIDs.append(head.id) }
    }
    #expect(EventContract.violations(in: whole) == [])
    var resumed = pipeline()
    let isOver = resumed.resume(soFar) != .proceed
    #expect(isOver == (place == 13))
    guard !isOver else { return }
    var rest: [GenerationEvent] = []
    _ = resumed.handle(.prompt(processed: 10, cached: 0, total: 10), now: 1, into: &rest)
    for token in (Int32(2)...14).dropFirst(place) { _ = resumed.handle(event(token), now: 1, into: &rest) }
    func comparable(_ events: [GenerationEvent]) -> [String] {
      let first = whole.lazy.compactMap { if case .toolCallStarted(let head) = $0 { head.id } else { nil } }.first
      let again = rest.lazy.compactMap { if case .toolCallStarted(let head) = $0 { head.id } else { nil } }.first
      return events.map { event in
        guard case .finished(var result) = event else {
          return "\(event)".replacing(again ?? "-", with: first ?? "-")
        }
        result.timings = GenerationTimings()
        result.usage.cachedTokens = 0
        return "\(result)".replacing(again ?? "-", with: first ?? "-")
      }
    }
    #expect(comparable(rest) == comparable(second))
  }

  /// Tokens end where they like: inside characters, tags, calls and stop strings.
  @Test func aModelsTextMayBeCutAnywhere() throws {
    let text = Array(
      "<think>h\u{e4}? </think>\n\nW\u{1f600}ll EN.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"\u{e9}\"}}\n</tool_call>  b \u{1f600}END tail"
        .utf8)
    func answer(_ pieces: [[UInt8]]) -> (result: GenerationResult, events: [GenerationEvent]) {
      var pipeline = OutputPipeline(
        promptTokens: 1, accepted: 0, stops: ["END"],
        parser: ToolCallParser(
          names: ["f"], reasoning: ReasoningParser(startTag: "<think>", endTags: ["</think>"], startsInside: false))
      ) { pieces[Int($0)] }
      var events: [GenerationEvent] = []
      _ = pipeline.handle(.prompt(processed: 1, cached: 0, total: 1), now: 1, into: &events)
      var action = OutputPipeline.Action.proceed
      for token in pieces.indices where action == .proceed {
        action = pipeline.handle(.token(Int32(token), nil), now: 1, into: &events)
      }
      #expect(action == .cancelSequence)
      #expect(EventContract.violations(in: events) == [])
      return (result(events) ?? GenerationResult(), events)
    }
    func comparable(_ result: GenerationResult) -> [String] {
      result.output.map { item in
        if case .toolCall(let call) = item { return "call \(call.name) \(call.arguments)" }
        return "\(item)"
      } + ["\(result.finishReason) \(result.matchedStop ?? "")"]
    }
    let whole = comparable(answer([text]).result)
    #expect(whole.count == 5 && whole[0].contains("h\u{e4}? ") && whole[2] == "call f {\"a\": \"\u{e9}\"}")
    #expect(comparable(answer(text.map { [$0] }).result) == whole)
    for cut in 1..<text.count {
      #expect(comparable(answer([Array(text[..<cut]), Array(text[cut...])]).result) == whole, "cut at \(cut)")
      let three = [Array(text[..<(cut / 2)]), Array(text[(cut / 2)..<cut]), Array(text[cut...])]
      #expect(comparable(answer(three).result) == whole, "cut at \(cut / 2) and \(cut)")
    }
  }

  @Test func aSlowPromptShowsItsProgress() {
    let (events, _) = run([
      (.prompt(processed: 4, cached: 4, total: 10), 2), (.prompt(processed: 6, cached: 4, total: 10), 2.2),
      (.prompt(processed: 10, cached: 4, total: 10), 2.4), (.finished(.endOfText), 2.5),
    ])
    #expect(progress(events) == [0, 0.6, 1])
    #expect(events.contains(.promptFinished(PromptUsage(tokens: 10, cachedTokens: 4))))
  }

  /// The probabilities leave with the end of the prompt, special tokens spelled out as the prompt has them.
  @Test func thePromptsTokensAreScored() {
    let spelled: [Int32: String] = [1: "<s>", 2: "Hel", 3: "lo", 4: "</s>"]
    var pipeline = OutputPipeline(
      promptTokens: 3, accepted: 0, stops: [], parser: PlainTextParser(),
      scoring: OutputPipeline.Scoring(prompt: [1, 2, 3]) { Array((spelled[$0] ?? "").utf8) }
    ) { $0 == 2 ? Array("Hel".utf8) : [] }
    func score(_ logprob: Float) -> TokenProbability {
      TokenProbability(logprob: logprob, top: [(token: 4, logprob: -1)])
    }
    var events: [GenerationEvent] = []
    for event in [
      SequenceEvent.prompt(processed: 0, cached: 0, total: 3), .scored([score(-2)]),
      .prompt(processed: 2, cached: 0, total: 3), .scored([score(-3), score(-9)]),
      .prompt(processed: 3, cached: 0, total: 3), .token(2, score(-4)), .finished(.maxTokens),
    ] { _ = pipeline.handle(event, now: 1, into: &events) }
    let top = [TokenLogprob.Alternative(token: 4, bytes: Array("</s>".utf8), logprob: -1)]
    let scores = PromptScores(
      first: Array("<s>".utf8),
      rest: [
        TokenLogprob(chosen: .init(token: 2, bytes: Array("Hel".utf8), logprob: -2), top: top),
        TokenLogprob(chosen: .init(token: 3, bytes: Array("lo".utf8), logprob: -3), top: top),
      ])
    #expect(events.contains(.promptFinished(PromptUsage(tokens: 3, cachedTokens: 0, scores: scores))))
    #expect(EventContract.violations(in: events) == [])
    #expect(result(events)?.output == [.message("Hel")])
  }

  @Test func aFastPromptIsQuiet() {
    let (events, _) = run([
      (.prompt(processed: 0, cached: 0, total: 10), 2), (.prompt(processed: 6, cached: 0, total: 10), 2.01),
      (.prompt(processed: 10, cached: 0, total: 10), 2.02), (.finished(.endOfText), 2.5),
    ])
    #expect(progress(events) == [1])
  }

  @Test func timingsRunFromAcceptanceAndFirstToken() {
    let (events, action) = run(
      [
        (.prompt(processed: 10, cached: 0, total: 10), 1.25), (.token(2, nil), 1.5), (.token(2, nil), 2),
        (.finished(.endOfText), 9),
      ], pieces: [2: "a"])
    #expect(action == .done)
    #expect(result(events)?.timings == GenerationTimings(timeToFirstToken: 0.5, generation: 0.5))
    #expect(result(events)?.tokensPerSecond == 4)
  }

  @Test func reasoningThatWasSwitchedOffIsDropped() {
    let parser = ScriptedParser(script: ["<think>": [], "hm": [.reasoning("hm")], "Hi": [.message("Hi")]])
    var pipeline = OutputPipeline(promptTokens: 1, accepted: 0, stops: [], parser: parser, showsReasoning: false) {
      Array([1: "<think>", 2: "hm", 3: "Hi"][$0, default: ""].utf8)
    }
    var events: [GenerationEvent] = []
    _ = pipeline.handle(.prompt(processed: 1, cached: 0, total: 1), now: 1, into: &events)
    for token in Int32(1)...3 { _ = pipeline.handle(.token(token, nil), now: 2, into: &events) }
    _ = pipeline.handle(.finished(.endOfText), now: 3, into: &events)
    #expect(EventContract.violations(in: events) == [])
    #expect(result(events)?.output == [.message("Hi")])
    #expect(result(events)?.usage.reasoningTokens == 0)
    #expect(result(events)?.usage.outputTokens == 3)
  }

  @Test(arguments: [
    (SequenceEnd.endOfText, FinishReason.endOfText), (.maxTokens, .maxTokens), (.contextFull, .contextFull),
    (.cancelled, .userStopped), (.failed("x"), .failed),
  ])
  func endsAreTranslated(_ end: SequenceEnd, _ reason: FinishReason) {
    let (events, _) = run([(.prompt(processed: 0, cached: 0, total: 10), 2), (.finished(end), 3)])
    #expect(result(events)?.finishReason == reason)
    #expect(result(events)?.output == [])
    #expect(result(events)?.tokensPerSecond == 0)
  }

  @Test func aSequenceThatNeverBeganOpensNothing() {
    let (events, _) = run([(.finished(.cancelled), 3)])
    #expect(events.count == 1)
    #expect(result(events)?.usage.inputTokens == 10)
  }

  @Test func toolCallsAreBlocksOfTheirOwn() {
    let parser = ScriptedParser(
      script: [
        "a": [.message("so "), .toolCallStarted(index: 0, id: "c0", name: "f")],
        "b": [.toolCallArguments(index: 0, text: "{\"x\":"), .toolCallArguments(index: 0, text: "1}")],
        "c": [.toolCallFinished(index: 0), .toolCallStarted(index: 1, id: "", name: "g")],
      ], atEnd: [.toolCallFinished(index: 1)])
    let (events, _) = run(
      [(.token(2, nil), 1), (.token(3, nil), 1), (.token(4, nil), 1), (.finished(.endOfText), 2)], parser: parser,
      pieces: [2: "a", 3: "b", 4: "c"])
    let output = result(events)?.output ?? []
    #expect(output.count == 3)
    #expect(output.prefix(2) == [.message("so "), .toolCall(ToolCall(id: "c0", name: "f", arguments: "{\"x\":1}"))])
    if case .toolCall(let call)? = output.last { #expect(call.name == "g" && call.id.hasPrefix("call_")) }
    #expect(result(events)?.finishReason == .toolCalls)
  }

  /// A small model that may make several calls makes the same one until it is stopped.
  @Test func aRepeatedCallEndsTheAnswer() {
    func call(_ index: Int, _ name: String, _ arguments: String) -> [ParsedOutput] {
      [
        .toolCallStarted(index: index, id: "c\(index)", name: name), .toolCallArguments(index: index, text: arguments),
        .toolCallFinished(index: index),
      ]
    }
    let parser = ScriptedParser(script: [
      "a": call(0, "f", "{}") + call(1, "g", "{}"), "b": call(2, "f", "{\"x\":1}"),
      "c": call(3, "f", "{}") + call(4, "f", "{}"),
    ])
    let (events, action) = run(
      [(.token(2, nil), 1), (.token(3, nil), 1), (.token(4, nil), 1), (.token(2, nil), 2)], parser: parser,
      pieces: [2: "a", 3: "b", 4: "c"])
    #expect(action == .cancelSequence)
    let calls = result(events)?.output.compactMap { if case .toolCall(let call) = $0 { call.id } else { nil } }
    #expect(calls == ["c0", "c1", "c2", "c3"])
    #expect(result(events)?.finishReason == .toolCalls)
    #expect(result(events)?.usage.outputTokens == 3)
  }

  @Test func aCutCallIsStillListed() {
    let parser = ScriptedParser(script: [
      "a": [.toolCallStarted(index: 0, id: "c0", name: "f"), .toolCallArguments(index: 0, text: "{\"x")]
    ])
    let (events, _) = run([(.token(2, nil), 1), (.finished(.maxTokens), 2)], parser: parser, pieces: [2: "a"])
    #expect(result(events)?.output == [.toolCall(ToolCall(id: "c0", name: "f", arguments: "{\"x"))])
    #expect(result(events)?.finishReason == .maxTokens)
  }

  @Test func emptyTextOpensNoBlock() {
    let parser = ScriptedParser(script: ["a": [.reasoning(""), .message("")]])
    let (events, _) = run([(.token(2, nil), 1), (.finished(.endOfText), 2)], parser: parser, pieces: [2: "a"])
    #expect(result(events)?.output == [])
    #expect(result(events)?.usage.reasoningTokens == 0)
  }

  @Test func logprobsFollowTheirText() {
    let pieces: [Int32: String] = [2: "Hi", 3: "E", 4: "x", 5: "EN", 6: "D", 7: ""]
    func token(_ id: Int32) -> (SequenceEvent, Double) {
      (.token(id, TokenProbability(logprob: -Float(id), top: [(token: 2, logprob: -1)])), 1)
    }
    let (events, action) = run(
      [token(2), token(3), token(7), token(3), token(4), token(5), token(6)], pieces: pieces, stops: ["END"])
    #expect(action == .cancelSequence)
    let deltas = events.compactMap { event -> (String, [Int32])? in
      if case .messageDelta(let text, let tokens) = event { (text, tokens.map(\.chosen.token)) } else { nil }
    }
    #expect(deltas.map(\.0) == ["Hi", "E", "Ex"])
    #expect(deltas.flatMap(\.1).filter { $0 != 7 } == [2, 3, 3, 4])
    #expect(result(events)?.matchedStop == "END" && result(events)?.usage.outputTokens == 7)
  }

  @Test func halfACharacterAtTheEndIsReplaced() {
    var pipeline = OutputPipeline(promptTokens: 1, accepted: 0, stops: [], parser: PlainTextParser()) { _ in
      [0xF0, 0x9F]
    }
    var events: [GenerationEvent] = []
    _ = pipeline.handle(.token(2, nil), now: 1, into: &events)
    _ = pipeline.handle(.finished(.maxTokens), now: 1, into: &events)
    #expect(result(events)?.text == "\u{FFFD}")
    #expect(EventContract.violations(in: events) == [])
  }
}
