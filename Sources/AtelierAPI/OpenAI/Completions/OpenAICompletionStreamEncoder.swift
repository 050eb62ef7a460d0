import AtelierCore

/// The chunks of a streamed plain completion (openai.md 8). Of each choice: `index`, `text`, `logprobs`, `finish_reason`.
package struct OpenAICompletionStreamEncoder: StreamEncoder {
  private struct Choice {
    var logprobs: OpenAITextLogprobs
    var isEchoed = false
    var result: GenerationResult?
  }

  private let context: OpenAICompletions.Context
  private let extras: OpenAIExtras
  private var choices: [Choice]
  private var instance: InstanceSelection?
  /// nil until the first chunk.
  private var head: OpenAIChunkHead?
  /// An error was sent: nothing follows it.
  private var failed = false

  package init(_ context: OpenAICompletions.Context) { self.init(context, extras: .stats) }

  init(_ context: OpenAICompletions.Context, extras: OpenAIExtras) {
    self.context = context
    self.extras = extras
    choices = Array(repeating: Choice(logprobs: OpenAITextLogprobs(context)), count: max(1, context.choices))
  }

  package func keepAlive() -> ServerSentEvent? { .comment("keep-alive") }

  package mutating func encode(_ event: GenerationEvent, choice: Int) -> [ServerSentEvent] {
    guard !failed, choices.indices.contains(choice), choices[choice].result == nil else { return [] }
    switch event {
    case .instanceSelected(let selection):
      instance = instance ?? selection
      return []
    case .promptStarted: return context.scoresPrompt ? [] : echo(choice)
    case .promptFinished(let usage): return echo(choice, usage.scores)
    case .messageDelta(let text, let tokens):
      guard !text.isEmpty || !tokens.isEmpty else { return [] }
      let echo = echo(choice)
      let logprobs = tokens.isEmpty ? nil : choices[choice].logprobs.value(tokens)
      return echo + CollectionOfOne(chunk(choice, text, logprobs))
    case .failed(let error):
      failed = true
      return [.json(["error": OpenAIError.object(error, inputField: "prompt")])]
    case .finished(let result): return finish(choice, result)
    // There is no template that could make reasoning or calls of the text.
    case .loadStarted, .loadProgress, .loadFinished, .promptProgress, .reasoningStarted,
      .reasoningDelta, .reasoningFinished, .messageStarted, .messageFinished, .toolCallStarted,
      .toolCallArgumentsDelta, .toolCallArguments, .toolCallSucceeded, .toolCallFailed, .toolsListed:
      return []
    }
  }

  /// The prompt, before the first text of its choice.
  private mutating func echo(_ choice: Int, _ scores: PromptScores? = nil) -> [ServerSentEvent] {
    guard !choices[choice].isEchoed else { return [] }
    choices[choice].isEchoed = true
    guard let echo = context.echo(choice) else { return [] }
    let text = echo.text(scores) ?? ""
    let logprobs = choices[choice].logprobs.value([], after: text, scores)
    guard !text.isEmpty || (logprobs != nil && scores != nil) else { return [] }
    return [chunk(choice, text, scores == nil ? nil : logprobs)]
  }

  private mutating func finish(_ choice: Int, _ result: GenerationResult) -> [ServerSentEvent] {
    instance = instance ?? result.instance
    var events = echo(choice)
    choices[choice].result = result
    events.append(chunk(choice, "", nil, result))
    let results = choices.compactMap(\.result)
    guard results.count == choices.count else { return events }
    if context.includesUsage, let head {
      let usage = OpenAIChatResult.usage(of: results, samples: context.samples)
      events.append(head.usageChunk(usage, of: results.first, extras: extras))
    }
    events.append(OpenAIChunkHead.done)
    return events
  }

  /// A piece of text; with `result` the choice's last chunk.
  private mutating func chunk(
    _ choice: Int, _ text: String, _ logprobs: JSONValue?, _ result: GenerationResult? = nil
  ) -> ServerSentEvent {
    let head =
      head
      ?? OpenAIChunkHead(
        id: context.id, object: "text_completion", created: context.stamp.created,
        model: instance.name(askedFor: context.model))
    self.head = head
    var data: [UInt8] = []
    data.reserveCapacity(head.bytes.count + text.utf8.count + 96)
    data.append(contentsOf: head.bytes)
    JSONWriter.appendInteger(Int64(choice), to: &data)
    data.append(contentsOf: #","text":"#.utf8)
    JSONWriter.appendString(text, to: &data)
    data.append(contentsOf: #","logprobs":"#.utf8)
    (logprobs ?? .null).write(into: &data)
    data.append(contentsOf: #","finish_reason":"#.utf8)
    (result.map(OpenAICompletionResult.finishReason) ?? .null).write(into: &data)
    data.append(contentsOf: "}]".utf8)
    if context.includesUsage { data.append(contentsOf: #","usage":null"#.utf8) }
    if let result { extras.write(of: result, into: &data) }
    data.append(UInt8(ascii: "}"))
    return .event(name: nil, data: data)
  }
}
