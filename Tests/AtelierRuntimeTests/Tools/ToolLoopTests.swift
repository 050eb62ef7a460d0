import AtelierCore
import AtelierTesting
import Testing

@testable import AtelierRuntime

struct ToolLoopTests {
  private static let info = ToolProviderInfo.ephemeral(serverLabel: "calc")

  private func loop(
    limits: ToolLoopLimits = ToolLoopLimits(), maxOutputTokens: Int? = nil, clientTools: Set<String> = []
  ) -> ToolLoop {
    let schema = #"{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}"#
    return ToolLoop(
      menu: ToolMenu([
        ToolMenu.Offer(
          label: "calc", info: Self.info,
          tools: [
            OfferedTool(ToolDefinition(name: "add", parametersJSON: schema)),
            OfferedTool(ToolDefinition(name: "math.pi")),
          ])
      ]), limits: limits, maxOutputTokens: maxOutputTokens, clientTools: clientTools)
  }

  private static func call(_ name: String, _ arguments: String, id: String = "c") -> [GenerationEvent] {
    [
      .toolCallStarted(ToolCallHead(id: id, name: name)), .toolCallArgumentsDelta(arguments),
      .toolCallArguments(ToolCall(id: id, name: name, arguments: arguments), provider: nil),
    ]
  }

  private static func end(_ reason: FinishReason = .toolCalls, input: Int = 10, output: Int = 5) -> GenerationEvent {
    .finished(
      GenerationResult(
        finishReason: reason, usage: GenerationUsage(inputTokens: input, cachedTokens: input - 1, outputTokens: output),
        timings: GenerationTimings(timeToFirstToken: 0.1, generation: 1)))
  }

  private static let prompt: [GenerationEvent] = [
    .promptStarted, .promptFinished(PromptUsage(tokens: 10, cachedTokens: 9)),
  ]
  private static let words: [GenerationEvent] = [.messageStarted, .messageDelta("Hi.", []), .messageFinished]

  /// Feeds whole rounds; every call is answered with its number. Stops at the loop's end.
  private func run(
    _ loop: inout ToolLoop, _ rounds: [[GenerationEvent]], elapsed: Duration = .zero
  ) -> (events: [GenerationEvent], orders: [ToolLoop.Order], rounds: [ToolLoop.Round]) {
    var shown: [GenerationEvent] = []
    var orders: [ToolLoop.Order] = []
    var next: [ToolLoop.Round] = []
    for round in rounds {
      for event in Self.prompt + round {
        let (events, step) = loop.add(event, elapsed: elapsed)
        shown += events
        switch step {
        case .proceed, .end: break
        case .call(let order):
          orders.append(order)
          shown += loop.complete(ToolOutcome(output: "\(orders.count)"))
        case .round(let round): next.append(round)
        }
      }
    }
    return (shown, orders, next)
  }

  private func result(_ events: [GenerationEvent]) throws -> GenerationResult {
    guard case .finished(let result)? = events.last else {
      Issue.record("no end: \(events)")
      return GenerationResult()
    }
    return result
  }

  @Test func roundsFollowEachOtherUntilTheModelAnswers() throws {
    var loop = loop()
    let reasoning: [GenerationEvent] = [.reasoningStarted, .reasoningDelta("hm"), .reasoningFinished]
    let (events, orders, rounds) = run(
      &loop,
      [reasoning + Self.call("add", #"{"a":1}"#) + [Self.end()], reasoning + Self.words + [Self.end(.endOfText)]])
    #expect(EventContract.violations(in: events) == [])
    #expect(orders == [ToolLoop.Order(provider: 0, tool: "add", arguments: ["a": 1], limit: .seconds(600))])
    #expect(rounds == [ToolLoop.Round(mayCall: true, maxOutputTokens: nil)])
    let result = try result(events)
    #expect(
      result.output == [
        .reasoning("hm"),
        .executedToolCall(ToolCall(id: "c", name: "add", arguments: #"{"a":1}"#), provider: Self.info, output: "1"),
        .reasoning("hm"), .message("Hi."),
      ])
    #expect(result.rounds == [2] && result.finishReason == .endOfText)
    #expect(result.usage == GenerationUsage(inputTokens: 10, cachedTokens: 9, outputTokens: 10))
    #expect(result.timings == GenerationTimings(timeToFirstToken: 0.1, generation: 2))
  }

  @Test func severalCallsOfOneTurnComeInTheirOrder() throws {
    var loop = loop()
    let turn = Self.call("add", #"{"a":1}"#, id: "x") + Self.words + Self.call("add", #"{"a":2}"#, id: "y")
    let (events, orders, _) = run(&loop, [turn + [Self.end()], Self.words + [Self.end(.endOfText)]])
    #expect(EventContract.violations(in: events) == [])
    #expect(orders.map(\.arguments) == [["a": 1], ["a": 2]])
    #expect(try result(events).rounds == [3])
    // What the next round reads: one turn with both calls, then both results.
    let output = try result(events).output
    let messages = HistoryRenderer.messages(Array(output.prefix(3)), rounds: [3])
    #expect(messages.map(\.role) == [.assistant, .tool, .tool])
    #expect(messages[0].toolCalls.map(\.id) == ["x", "y"] && messages[0].text == "Hi.")
    #expect(messages.dropFirst().map(\.text) == ["1", "2"])
  }

  @Test func aNameTheModelWasShownIsTranslatedBothWays() throws {
    var loop = loop()
    let (events, orders, _) = run(
      &loop, [Self.call("math_pi", "") + [Self.end()], Self.words + [Self.end(.endOfText)]])
    #expect(orders.map(\.tool) == ["math.pi"] && orders.first?.arguments == [:])
    let output = try result(events).output
    guard case .executedToolCall(let call, _, _, _)? = output.first else {
      Issue.record("no call")
      return
    }
    #expect(call.name == "math.pi" && call.shownName == "math_pi" && call.arguments == "{}")
    #expect(HistoryRenderer.messages(output, rounds: [1])[0].toolCalls.first?.name == "math_pi")
  }

  @Test func whatCannotBeCalledIsToldToTheModelAndCountsAsARound() throws {
    var loop = loop()
    let turn =
      Self.call("nothing", "{}") + Self.call("add", #"{"a":"x"}"#) + Self.call("add", #"{"a""#)
      + Self.call("add", "[1]")
    let (events, orders, rounds) = run(&loop, [turn + [Self.end()], Self.words + [Self.end(.endOfText)]])
    #expect(EventContract.violations(in: events) == [])
    #expect(orders.isEmpty && rounds.count == 1)
    let invalid = try result(events).output.compactMap { if case .invalidToolCall(let call) = $0 { call } else { nil } }
    #expect(invalid.map(\.kind) == [.name, .arguments, .arguments, .arguments])
    #expect(invalid.map(\.arguments) == [nil, #"{"a":"x"}"#, nil, nil])
    #expect(invalid[0].reason == "Cannot find tool with name nothing." && invalid[0].provider == nil)
    #expect(invalid[1].reason.contains("'a' must be integer") && invalid[1].provider == Self.info)
  }

  // MARK: Limits

  @Test func afterTheLastRoundToolsAreWithheld() throws {
    var loop = loop(limits: ToolLoopLimits(rounds: 3))
    let turn = Self.call("add", #"{"a":1}"#) + [Self.end()]
    let (events, orders, rounds) = run(&loop, [turn, turn, turn, turn])
    #expect(rounds.map(\.mayCall) == [true, true, false])
    // A model that calls all the same is not heard.
    #expect(orders.count == 3)
    let result = try result(events)
    #expect(result.finishReason == .endOfText && result.rounds.count == 3)
    #expect(EventContract.violations(in: events) == [])
  }

  @Test func theNumbersAreTheThreatModels() {
    for limits in [ToolLoopLimits(), ToolLoopLimits(Settings())] {
      #expect(limits.rounds == 25 && limits.calls == 64 && limits.total == .seconds(600))
    }
  }

  @Test func onlySoManyCallsAreMade() throws {
    var limits = ToolLoopLimits()
    limits.calls = 2
    var loop = loop(limits: limits)
    let call = Self.call("add", #"{"a":1}"#)
    let (events, orders, rounds) = run(&loop, [call + call + call + [Self.end()], Self.words + [Self.end(.endOfText)]])
    #expect(orders.count == 2 && rounds.map(\.mayCall) == [false])
    guard case .executedToolCall(_, _, let output, _) = try result(events).output[2] else {
      Issue.record("no third call")
      return
    }
    #expect(output.contains("not called"))
  }

  @Test func timeIsUpForCallsToo() {
    var loop = loop(limits: ToolLoopLimits(total: .seconds(100)))
    let (_, early, _) = run(&loop, [Self.call("add", #"{"a":1}"#)], elapsed: .seconds(70))
    #expect(early.map(\.limit) == [.seconds(30)])
    let (_, late, rounds) = run(&loop, [Self.call("add", #"{"a":1}"#) + [Self.end()]], elapsed: .seconds(101))
    #expect(late.isEmpty && rounds.map(\.mayCall) == [false])
  }

  @Test func theTokenLimitSpansAllRounds() throws {
    let turn = Self.call("add", #"{"a":1}"#) + [Self.end(output: 6)]
    var loop = loop(maxOutputTokens: 12)
    let (events, _, rounds) = run(&loop, [turn, turn])
    #expect(rounds.map(\.maxOutputTokens) == [6])
    #expect(try result(events).finishReason == .maxTokens)
  }

  @Test func aCallThatWasCutOffIsNotMade() throws {
    var loop = loop()
    let (events, orders, rounds) = run(&loop, [Self.call("add", #"{"a":"#) + [Self.end(.maxTokens)]])
    #expect(orders.isEmpty && rounds.isEmpty)
    #expect(try result(events).finishReason == .maxTokens)
  }

  @Test func dataIsLeftOutWhenThereIsTooMuchOfIt() throws {
    var limits = ToolLoopLimits()
    limits.outputBytes = 100
    var loop = loop(limits: limits)
    let image = #"[{"type":"image","data":"\#(String(repeating: "A", count: 90))","mimeType":"image/png"}]"#
    let call = Self.call("add", #"{"a":1}"#)
    for event in Self.prompt + call { _ = loop.add(event, elapsed: .zero) }
    let shown = loop.complete(ToolOutcome(output: image))
    #expect(shown.count == 1)
    guard case .toolCallSucceeded(_, _, let output, _) = shown[0] else {
      Issue.record("no success")
      return
    }
    #expect(output == #"[{"type":"text","text":"[image image/png]"}]"#)
  }

  // MARK: Others' calls, and faults

  @Test func aCallOfTheClientsFunctionEndsTheTurn() throws {
    var loop = loop(clientTools: ["mine"])
    let (events, orders, rounds) = run(
      &loop, [Self.call("add", #"{"a":1}"#) + Self.call("mine", "{}", id: "m") + [Self.end()]])
    #expect(orders.count == 1 && rounds.isEmpty)
    let result = try result(events)
    #expect(result.finishReason == .toolCalls)
    #expect(result.output.last == .toolCall(ToolCall(id: "m", name: "mine", arguments: "{}")))
    #expect(EventContract.violations(in: events) == [])
  }

  @Test func aFaultKeepsWhatWasSaid() throws {
    var loop = loop()
    var (events, _, _) = run(&loop, [Self.call("add", #"{"a":1}"#) + [Self.end()]])
    events += loop.fail(AtelierError(.contextLengthExceeded, "Too long."))
    #expect(EventContract.violations(in: events) == [])
    let result = try result(events)
    #expect(result.finishReason == .failed && result.output.count == 1 && result.rounds.isEmpty)
  }
}
