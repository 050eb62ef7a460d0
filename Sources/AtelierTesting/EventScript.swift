import AtelierCore

/// Lists of events as JSON, for golden files and scripted engines: an array of objects whose `event` is the case's name.
///
///     [{"event":"messageStarted"},{"event":"messageDelta","text":"Hi"},{"event":"messageFinished"}]
package enum EventScript {
  /// A script that cannot be read; names the place.
  package struct Malformed: Error, CustomStringConvertible {
    package var description: String
  }

  package static func events(_ script: JSONValue) throws(Malformed) -> [GenerationEvent] {
    guard let items = script.arrayValue else { throw Malformed(description: "a script is an array of events") }
    var fold = EventFold()
    var events: [GenerationEvent] = []
    for (place, item) in items.enumerated() {
      let reader = ScriptReader(item, place: place)
      let event = try event(reader, fold)
      fold.add(event)
      events.append(event)
    }
    return events
  }

  package static func script(_ events: [GenerationEvent]) -> JSONValue { .array(events.map(value)) }

  // MARK: Reading

  /// `fold` holds the events before: a `finished` without `output` has what they fold to.
  private static func event(_ item: ScriptReader, _ fold: EventFold) throws(Malformed) -> GenerationEvent {
    switch try item.string("event") {
    case "instanceSelected": .instanceSelected(try instance(item))
    case "loadStarted": .loadStarted
    case "loadProgress": .loadProgress(try item.number("progress"))
    case "loadFinished": .loadFinished(seconds: try item.number("seconds"))
    case "promptStarted": .promptStarted
    case "promptProgress": .promptProgress(try item.number("progress"))
    case "promptFinished":
      .promptFinished(
        PromptUsage(
          tokens: try item.integer("tokens"), cachedTokens: item.count("cached_tokens"), scores: try scores(item)))
    case "reasoningStarted": .reasoningStarted
    case "reasoningDelta": .reasoningDelta(try item.string("text"))
    case "reasoningFinished": .reasoningFinished
    case "messageStarted": .messageStarted
    case "messageDelta": .messageDelta(try item.string("text"), try logprobs(item))
    case "messageFinished": .messageFinished
    case "toolCallStarted":
      .toolCallStarted(
        ToolCallHead(id: try item.string("id"), name: try item.string("name"), provider: try provider(item)))
    case "toolCallArgumentsDelta": .toolCallArgumentsDelta(try item.string("text"))
    case "toolCallArguments": .toolCallArguments(try call(item), provider: try provider(item))
    case "toolCallSucceeded":
      .toolCallSucceeded(
        try call(item), provider: try provider(item), output: try item.string("output"),
        isError: item.value["is_error"]?.boolValue ?? false)
    case "toolsListed": .toolsListed(try listing(item))
    case "toolCallFailed":
      .toolCallFailed(
        InvalidToolCall(
          kind: try kind(item), reason: try item.string("reason"),
          toolName: try item.string("name"), arguments: item.value["arguments"]?.stringValue,
          provider: try provider(item)))
    case "failed": .failed(try error(item))
    case "finished": .finished(try result(item, fold))
    case let name: throw item.malformed("unknown event '\(name)'")
    }
  }

  private static func instance(_ item: ScriptReader) throws(Malformed) -> InstanceSelection {
    InstanceSelection(
      instanceID: try item.string("instance_id"), modelKey: try item.string("model_key"),
      architecture: item.value["architecture"]?.stringValue, quantization: item.value["quantization"]?.stringValue,
      contextLength: try item.integer("context_length"))
  }

  private static func listing(_ item: ScriptReader) throws(Malformed) -> ToolListing {
    guard let provider = try provider(item) else { throw item.malformed("'provider' is missing") }
    let tools = (item.value["tools"]?.arrayValue ?? []).map { tool in
      OfferedTool(
        ToolDefinition(
          name: tool["name"]?.stringValue ?? "", description: tool["description"]?.stringValue,
          parametersJSON: tool["parameters"]?.stringValue), annotationsJSON: tool["annotations"]?.stringValue)
    }
    return ToolListing(provider: provider, tools: tools, failure: item.value["failure"]?.stringValue)
  }

  private static func call(_ item: ScriptReader) throws(Malformed) -> ToolCall {
    ToolCall(id: try item.string("id"), name: try item.string("name"), arguments: try item.string("arguments"))
  }

  private static func provider(_ item: ScriptReader) throws(Malformed) -> ToolProviderInfo? {
    guard let provider = item.value["provider"] else { return nil }
    if let id = provider["plugin"]?.stringValue { return .plugin(id: id) }
    if let label = provider["ephemeral"]?.stringValue { return .ephemeral(serverLabel: label) }
    throw item.malformed("a provider has 'plugin' or 'ephemeral'")
  }

  private static func kind(_ item: ScriptReader) throws(Malformed) -> InvalidToolCall.Kind {
    guard let kind = InvalidToolCall.Kind(rawValue: try item.string("kind")) else {
      throw item.malformed("unknown kind")
    }
    return kind
  }

  private static func scores(_ item: ScriptReader) throws(Malformed) -> PromptScores? {
    guard let scores = item.value["scores"], let first = scores["first"]?.stringValue else { return nil }
    return PromptScores(
      first: Array(first.utf8), rest: try logprobs(ScriptReader(scores, place: item.place), "rest"))
  }

  private static func logprobs(_ item: ScriptReader, _ key: String = "tokens") throws(Malformed) -> [TokenLogprob] {
    var tokens: [TokenLogprob] = []
    for token in item.value[key]?.arrayValue ?? [] {
      let top = try (token["top"]?.arrayValue ?? []).map { value throws(Malformed) in try alternative(value, item) }
      tokens.append(TokenLogprob(chosen: try alternative(token, item), top: top))
    }
    return tokens
  }

  private static func alternative(
    _ value: JSONValue, _ item: ScriptReader
  ) throws(Malformed) -> TokenLogprob.Alternative {
    guard let token = value["token"]?.integerValue, let bytes = value["bytes"]?.arrayValue else {
      throw item.malformed("a token has 'token', 'bytes' and 'logprob'")
    }
    return TokenLogprob.Alternative(
      token: Int32(token), bytes: bytes.compactMap { $0.integerValue.map { UInt8(truncatingIfNeeded: $0) } },
      logprob: value["logprob"]?.doubleValue ?? -.infinity)
  }

  private static func error(_ item: ScriptReader) throws(Malformed) -> AtelierError {
    guard let code = AtelierError.Code(rawValue: try item.string("code")) else { throw item.malformed("unknown code") }
    return AtelierError(
      code, try item.string("message"), param: item.value["param"]?.stringValue,
      details: item.value["details"]?.objectValue ?? [:], retryAfter: item.value["retry_after"]?.integerValue)
  }

  private static func result(_ item: ScriptReader, _ fold: EventFold) throws(Malformed) -> GenerationResult {
    guard let reason = FinishReason(rawValue: try item.string("reason")) else { throw item.malformed("unknown reason") }
    let instance = item.value["instance"].map { ScriptReader($0, place: item.place) }
    return GenerationResult(
      instance: try instance.map { reader throws(Malformed) in try Self.instance(reader) }, output: fold.output,
      finishReason: reason, matchedStop: item.value["matched_stop"]?.stringValue,
      usage: GenerationUsage(
        inputTokens: item.count("input_tokens"), cachedTokens: item.count("cached_tokens"),
        outputTokens: item.count("output_tokens"), reasoningTokens: item.count("reasoning_tokens")),
      timings: GenerationTimings(
        timeToFirstToken: item.value["time_to_first_token"]?.doubleValue ?? 0,
        generation: item.value["generation"]?.doubleValue ?? 0, modelLoad: item.value["model_load"]?.doubleValue),
      responseID: item.value["response_id"]?.stringValue)
  }

  // MARK: Writing

  private static func value(_ tokens: [TokenLogprob]) -> JSONValue {
    .array(
      tokens.map { token in
        var object = value(token.chosen)
        object["top"] = .array(token.top.map { .object(value($0)) })
        return .object(object)
      })
  }

  private static func value(_ event: GenerationEvent) -> JSONValue {
    var item: JSONObject = ["event": .string(event.name)]
    switch event {
    case .instanceSelected(let selection): write(selection, to: &item)
    case .loadStarted, .promptStarted, .reasoningStarted, .reasoningFinished, .messageStarted, .messageFinished: break
    case .loadProgress(let value), .promptProgress(let value): item["progress"] = .number(value)
    case .loadFinished(let seconds): item["seconds"] = .number(seconds)
    case .promptFinished(let usage):
      item["tokens"] = .integer(Int64(usage.tokens))
      item["cached_tokens"] = .integer(Int64(usage.cachedTokens))
      if let scores = usage.scores {
        item["scores"] = ["first": .string(String(decoding: scores.first, as: UTF8.self)), "rest": value(scores.rest)]
      }
    case .reasoningDelta(let text), .toolCallArgumentsDelta(let text): item["text"] = .string(text)
    case .messageDelta(let text, let tokens):
      item["text"] = .string(text)
      if !tokens.isEmpty {
        item["tokens"] = value(tokens)
      }
    case .toolCallStarted(let head):
      item["id"] = .string(head.id)
      item["name"] = .string(head.name)
      write(head.provider, to: &item)
    case .toolCallArguments(let call, let provider):
      write(call, to: &item)
      write(provider, to: &item)
    case .toolCallSucceeded(let call, let provider, let output, let isError):
      write(call, to: &item)
      item["output"] = .string(output)
      if isError { item["is_error"] = true }
      write(provider, to: &item)
    case .toolsListed(let listing):
      item["tools"] = .array(
        listing.tools.map { tool in
          var object: JSONObject = ["name": .string(tool.name)]
          if let text = tool.definition.description { object["description"] = .string(text) }
          if let text = tool.definition.parametersJSON { object["parameters"] = .string(text) }
          if let text = tool.annotationsJSON { object["annotations"] = .string(text) }
          return .object(object)
        })
      if let failure = listing.failure { item["failure"] = .string(failure) }
      write(listing.provider, to: &item)
    case .toolCallFailed(let invalid):
      item["kind"] = .string(invalid.kind.rawValue)
      item["reason"] = .string(invalid.reason)
      item["name"] = .string(invalid.toolName)
      if let arguments = invalid.arguments { item["arguments"] = .string(arguments) }
      write(invalid.provider, to: &item)
    case .failed(let error):
      item["code"] = .string(error.code.rawValue)
      item["message"] = .string(error.message)
      if let param = error.param { item["param"] = .string(param) }
      if !error.details.isEmpty { item["details"] = .object(error.details) }
      if let seconds = error.retryAfter { item["retry_after"] = .integer(Int64(seconds)) }
    case .finished(let result): write(result, to: &item)
    }
    return .object(item)
  }

  private static func value(_ alternative: TokenLogprob.Alternative) -> JSONObject {
    [
      "token": .integer(Int64(alternative.token)), "bytes": .array(alternative.bytes.map { .integer(Int64($0)) }),
      "logprob": .number(alternative.logprob),
    ]
  }

  private static func write(_ selection: InstanceSelection, to item: inout JSONObject) {
    item["instance_id"] = .string(selection.instanceID)
    item["model_key"] = .string(selection.modelKey)
    if let architecture = selection.architecture { item["architecture"] = .string(architecture) }
    if let quantization = selection.quantization { item["quantization"] = .string(quantization) }
    item["context_length"] = .integer(Int64(selection.contextLength))
  }

  private static func write(_ call: ToolCall, to item: inout JSONObject) {
    item["id"] = .string(call.id)
    item["name"] = .string(call.name)
    item["arguments"] = .string(call.arguments)
  }

  private static func write(_ provider: ToolProviderInfo?, to item: inout JSONObject) {
    switch provider {
    case .plugin(let id): item["provider"] = ["plugin": .string(id)]
    case .ephemeral(let label): item["provider"] = ["ephemeral": .string(label)]
    case nil: break
    }
  }

  private static func write(_ result: GenerationResult, to item: inout JSONObject) {
    item["reason"] = .string(result.finishReason.rawValue)
    if let stop = result.matchedStop { item["matched_stop"] = .string(stop) }
    item["input_tokens"] = .integer(Int64(result.usage.inputTokens))
    item["cached_tokens"] = .integer(Int64(result.usage.cachedTokens))
    item["output_tokens"] = .integer(Int64(result.usage.outputTokens))
    item["reasoning_tokens"] = .integer(Int64(result.usage.reasoningTokens))
    item["time_to_first_token"] = .number(result.timings.timeToFirstToken)
    item["generation"] = .number(result.timings.generation)
    if let seconds = result.timings.modelLoad { item["model_load"] = .number(seconds) }
    if let id = result.responseID { item["response_id"] = .string(id) }
    if let selection = result.instance {
      var instance = JSONObject()
      write(selection, to: &instance)
      item["instance"] = .object(instance)
    }
  }
}

private struct ScriptReader {
  let value: JSONValue
  let place: Int

  init(_ value: JSONValue, place: Int) {
    self.value = value
    self.place = place
  }

  func malformed(_ reason: String) -> EventScript.Malformed {
    EventScript.Malformed(description: "event \(place): \(reason)")
  }

  func string(_ key: String) throws(EventScript.Malformed) -> String {
    guard let text = value[key]?.stringValue else { throw malformed("'\(key)' is no string") }
    return text
  }

  func number(_ key: String) throws(EventScript.Malformed) -> Double {
    guard let number = value[key]?.doubleValue else { throw malformed("'\(key)' is no number") }
    return number
  }

  func integer(_ key: String) throws(EventScript.Malformed) -> Int {
    guard let number = value[key]?.integerValue else { throw malformed("'\(key)' is no integer") }
    return number
  }

  func count(_ key: String) -> Int { value[key]?.integerValue ?? 0 }
}

extension GenerationEvent {
  /// The case's name.
  var name: String {
    switch self {
    case .instanceSelected: "instanceSelected"
    case .loadStarted: "loadStarted"
    case .loadProgress: "loadProgress"
    case .loadFinished: "loadFinished"
    case .promptStarted: "promptStarted"
    case .promptProgress: "promptProgress"
    case .promptFinished: "promptFinished"
    case .reasoningStarted: "reasoningStarted"
    case .reasoningDelta: "reasoningDelta"
    case .reasoningFinished: "reasoningFinished"
    case .messageStarted: "messageStarted"
    case .messageDelta: "messageDelta"
    case .messageFinished: "messageFinished"
    case .toolCallStarted: "toolCallStarted"
    case .toolCallArgumentsDelta: "toolCallArgumentsDelta"
    case .toolCallArguments: "toolCallArguments"
    case .toolCallSucceeded: "toolCallSucceeded"
    case .toolsListed: "toolsListed"
    case .toolCallFailed: "toolCallFailed"
    case .failed: "failed"
    case .finished: "finished"
    }
  }
}
