import AtelierCore

/// The events of a streamed response (openai.md 10.6). `event:` always equals `data.type`, `sequence_number` counts every
/// event, `output_index` every item; one item is open at a time.
///
/// An item's last events wait for the event after it: only then is known whether the item is whole or was cut off.
package struct OpenAIResponsesStreamEncoder: StreamEncoder {
  private enum Phase {
    case waiting
    /// `response.created` was sent, `response.in_progress` was not.
    case created
    case running, ended
  }

  private struct Item {
    enum Kind: Equatable { case message, reasoning, call, executedCall }

    var kind: Kind
    var id: String
    /// Text, or the arguments as generated.
    var text = ""
    /// Bytes sent of a call's arguments, or of its free text.
    var sent = 0
    var logprobs: [TokenLogprob] = []
    var head: ToolCallHead?
    var form = ToolForms.Form(name: "")
    var custom: CustomToolInput?
    /// Nothing more comes; the last events are to be sent.
    var isOver = false
  }

  private let context: OpenAIResponses.Context
  private let items: OpenAIResponsesItems
  private var phase = Phase.waiting
  private var instance: InstanceSelection?
  private var sequence = 0
  private var item: Item?
  private var output: [JSONValue] = []

  package init(_ context: OpenAIResponses.Context) {
    self.context = context
    items = context.items
  }

  package mutating func keepAlive() -> ServerSentEvent? {
    switch phase {
    case .ended: return nil
    case .waiting:
      phase = .created
      return lifecycle("response.created", .inProgress)
    case .created, .running:
      phase = .running
      return lifecycle("response.in_progress", .inProgress)
    }
  }

  package mutating func encode(_ event: GenerationEvent, choice: Int) -> [ServerSentEvent] {
    guard phase != .ended else { return [] }
    switch event {
    case .instanceSelected(let selection):
      instance = instance ?? selection
      return []
    case .finished(let result): return finish(result)
    case .failed(let error): return fail(error)
    default: break
    }
    let closing = item?.isOver == true ? close(isCut: false) : []
    switch event {
    // Here the prompt is known to fit; what was wrong before it is still an HTTP status.
    case .promptStarted: return closing + begin()
    case .toolsListed(let listing): return closing + list(listing)
    case .reasoningDelta(let text): return closing + delta(text, [], .reasoning)
    case .messageDelta(let text, let tokens): return closing + delta(text, tokens, .message)
    case .reasoningFinished, .messageFinished:
      item?.isOver = true
      return closing
    case .toolCallStarted, .toolCallArgumentsDelta, .toolCallArguments, .toolCallSucceeded, .toolCallFailed:
      return closing + call(event)
    case .instanceSelected, .loadStarted, .loadProgress, .loadFinished, .promptProgress, .promptFinished,
      .reasoningStarted, .messageStarted, .failed, .finished:
      return closing
    }
  }

  // MARK: Beginning and end

  private mutating func begin() -> [ServerSentEvent] {
    switch phase {
    case .running, .ended: return []
    case .created:
      phase = .running
      return [lifecycle("response.in_progress", .inProgress)]
    case .waiting:
      phase = .running
      return [lifecycle("response.created", .inProgress), lifecycle("response.in_progress", .inProgress)]
    }
  }

  private mutating func finish(_ result: GenerationResult) -> [ServerSentEvent] {
    instance = instance ?? result.instance
    let status = OpenAIResponsesObject.status(of: result.finishReason)
    let events = begin() + close(isCut: status != .completed)
    // An answer that a client ended is not complete either, and there is no event of its own for it.
    let name =
      status == .completed ? "response.completed" : status == .failed ? "response.failed" : "response.incomplete"
    defer { phase = .ended }
    return events + [lifecycle(name, status, output, result)]
  }

  private mutating func fail(_ error: AtelierError) -> [ServerSentEvent] {
    let events = begin() + close(isCut: true)
    defer { phase = .ended }
    return events + [lifecycle("response.failed", .failed, output, error: error)]
  }

  private mutating func lifecycle(
    _ type: String, _ status: OpenAIResponsesObject.Status, _ output: [JSONValue] = [],
    _ result: GenerationResult? = nil, error: AtelierError? = nil
  ) -> ServerSentEvent {
    let response = OpenAIResponsesObject.value(
      in: context, model: instance.name(askedFor: context.model), status: status, output: output, result: result,
      error: error)
    return event(type, ["response": response])
  }

  // MARK: Text

  private mutating func delta(
    _ text: String, _ tokens: [TokenLogprob], _ kind: Item.Kind
  ) -> [ServerSentEvent] {
    guard !text.isEmpty || !tokens.isEmpty else { return [] }
    var events = open(kind)
    item?.text += text
    item?.logprobs += tokens
    events.append(textDelta(text, tokens, kind))
    return events
  }

  private mutating func open(_ kind: Item.Kind) -> [ServerSentEvent] {
    guard item?.kind != kind else { return [] }
    let place = output.count
    var events = begin() + close(isCut: false)
    switch kind {
    case .reasoning:
      item = Item(kind: kind, id: items.id("rs", place))
      events.append(added(items.reasoning(nil, place, .inProgress)))
      events.append(part("response.content_part.added", OpenAIResponsesItems.reasoningPart("")))
    default:
      item = Item(kind: kind, id: items.id("msg", place))
      events.append(added(items.message(content: [], place, .inProgress)))
      events.append(part("response.content_part.added", OpenAIResponsesItems.textPart("")))
    }
    return events
  }

  // MARK: Calls

  private mutating func call(_ event: GenerationEvent) -> [ServerSentEvent] {
    switch event {
    case .toolCallStarted(let head): return begin() + close(isCut: false) + start(head)
    case .toolCallArgumentsDelta(let text): return arguments(text)
    case .toolCallArguments(let call, provider: nil):
      item?.text = call.arguments
      item?.isOver = true
      return []
    case .toolCallArguments(let call, provider: _?): return executedArguments(call)
    case .toolCallSucceeded(_, _, let text, let isError): return end(isError ? .failedOutput(text) : .output(text))
    case .toolCallFailed(let invalid):
      var events: [ServerSentEvent] = []
      if item == nil, invalid.provider != nil {
        events = begin() + start(ToolCallHead(id: "", name: invalid.toolName, provider: invalid.provider))
      }
      if item?.kind == .executedCall { item?.text = invalid.arguments ?? "" }
      return events + end(.refused(invalid.reason))
    default: return []
    }
  }

  private mutating func start(_ head: ToolCallHead) -> [ServerSentEvent] {
    let place = output.count
    if head.provider != nil {
      item = Item(kind: .executedCall, id: items.id("mcp", place), head: head)
      return [
        added(
          items.executedCall(
            name: head.name, provider: head.provider, arguments: "", .running, place)),
        event("response.mcp_call.in_progress", place: place),
      ]
    }
    let form = context.forms[head.name]
    item = Item(kind: .call, id: items.id(form.isCustom ? "ctc" : "fc", place), head: head, form: form)
    if form.isCustom { item?.custom = CustomToolInput() }
    return [added(items.call(head.id, form, arguments: "", place, .inProgress))]
  }

  private mutating func arguments(_ text: String) -> [ServerSentEvent] {
    guard !text.isEmpty, item?.head != nil else { return [] }
    item?.text += text
    let known = item?.custom == nil ? text : item?.custom?.feed(text) ?? ""
    return argumentsDelta(known)
  }

  private mutating func argumentsDelta(_ text: String) -> [ServerSentEvent] {
    guard !text.isEmpty, let item else { return [] }
    self.item?.sent += text.utf8.count
    let type =
      item.kind == .executedCall
      ? "response.mcp_call_arguments.delta"
      : item.custom != nil ? "response.custom_tool_call_input.delta" : "response.function_call_arguments.delta"
    return [event(type, ["item_id": .string(item.id), "output_index": .count(output.count), "delta": .string(text)])]
  }

  /// What the deltas left out: everything, for producers that know a call only when it is whole.
  private mutating func restOfArguments(_ whole: String) -> [ServerSentEvent] {
    argumentsDelta(String(decoding: whole.utf8.dropFirst(item?.sent ?? 0), as: UTF8.self))
  }

  private mutating func executedArguments(_ call: ToolCall) -> [ServerSentEvent] {
    guard let item, item.kind == .executedCall else { return [] }
    self.item?.text = call.arguments
    let rest = restOfArguments(call.arguments)
    return rest + [
      event(
        "response.mcp_call_arguments.done",
        ["item_id": .string(item.id), "output_index": .count(output.count), "arguments": .string(call.arguments)])
    ]
  }

  private mutating func end(_ outcome: OpenAIResponsesItems.CallOutcome) -> [ServerSentEvent] {
    guard let item, item.kind == .executedCall else { return close(isCut: true) }
    let place = output.count
    self.item = nil
    let name =
      if case .output = outcome { "response.mcp_call.completed" } else { "response.mcp_call.failed" }
    return [
      event(name, ["item_id": .string(item.id), "output_index": .count(place)]),
      done(
        items.executedCall(
          name: item.head?.name ?? "", provider: item.head?.provider, arguments: item.text, outcome, place)),
    ]
  }

  /// What a server offers: known at once, so the item begins and ends here.
  private mutating func list(_ listing: ToolListing) -> [ServerSentEvent] {
    let place = output.count
    let members: JSONObject = ["item_id": .string(items.id("mcpl", place)), "output_index": .count(place)]
    let name = listing.failure == nil ? "response.mcp_list_tools.completed" : "response.mcp_list_tools.failed"
    return begin() + [
      added(items.toolListing(listing, place, isBeginning: true)),
      event("response.mcp_list_tools.in_progress", members), event(name, members),
      done(items.toolListing(listing, place)),
    ]
  }

  // MARK: The end of an item

  private mutating func close(isCut: Bool) -> [ServerSentEvent] {
    guard let item else { return [] }
    defer { self.item = nil }
    let place = output.count
    let status = isCut ? OpenAIResponsesItems.Status.incomplete : .completed
    switch item.kind {
    case .reasoning:
      return [
        part("response.reasoning_text.done", ["text": .string(item.text)], isPart: false),
        part("response.content_part.done", OpenAIResponsesItems.reasoningPart(item.text)),
        done(items.reasoning(item.text, place, status)),
      ]
    case .message:
      return [
        part(
          "response.output_text.done",
          ["text": .string(item.text), "logprobs": OpenAIResponsesItems.logprobs(item.logprobs)], isPart: false),
        part("response.content_part.done", OpenAIResponsesItems.textPart(item.text, item.logprobs)),
        done(items.message(item.text, item.logprobs, place, status)),
      ]
    case .call: return closeCall(item, isCut: isCut)
    case .executedCall: return end(.refused("The call was not finished."))
    }
  }

  private mutating func closeCall(_ item: Item, isCut: Bool) -> [ServerSentEvent] {
    let place = output.count
    let ending = OpenAIResponsesItems.CallEnding(item.text, item.form, isCut: isCut)
    let rest = restOfArguments(ending.arguments)
    var members: JSONObject = ["item_id": .string(item.id), "output_index": .count(place)]
    if !item.form.isCustom { members["name"] = .string(item.form.name) }
    members[item.form.isCustom ? "input" : "arguments"] = .string(ending.arguments)
    let type =
      item.form.isCustom ? "response.custom_tool_call_input.done" : "response.function_call_arguments.done"
    let whole = event(type, members)
    return rest + [
      whole, done(items.call(item.head?.id ?? "", item.form, arguments: ending.arguments, place, ending.status)),
    ]
  }

  // MARK: Events

  private mutating func added(_ value: JSONValue) -> ServerSentEvent {
    event("response.output_item.added", ["output_index": .count(output.count), "item": value])
  }

  private mutating func done(_ value: JSONValue) -> ServerSentEvent {
    defer { output.append(value) }
    return event("response.output_item.done", ["output_index": .count(output.count), "item": value])
  }

  /// An event of the open item's only part. `isPart`: the members are the part itself.
  private mutating func part(_ type: String, _ members: JSONObject, isPart: Bool = true) -> ServerSentEvent {
    var all: JSONObject = [
      "item_id": .text(item?.id), "output_index": .count(output.count), "content_index": 0,
    ]
    if isPart { all["part"] = .object(members) } else { for (key, value) in members { all[key] = value } }
    return event(type, all)
  }

  private mutating func event(_ type: String, place: Int) -> ServerSentEvent {
    event(type, ["item_id": .text(item?.id), "output_index": .count(place)])
  }

  private mutating func event(_ type: String, _ members: JSONObject) -> ServerSentEvent {
    var all: JSONObject = ["type": .string(type), "sequence_number": .count(sequence)]
    sequence += 1
    for (key, value) in members { all[key] = value }
    return .json(.object(all), name: type)
  }

  /// The path every token of text takes.
  private mutating func textDelta(_ text: String, _ tokens: [TokenLogprob], _ kind: Item.Kind) -> ServerSentEvent {
    let type = kind == .reasoning ? "response.reasoning_text.delta" : "response.output_text.delta"
    let id = item?.id ?? ""
    var data: [UInt8] = []
    data.reserveCapacity(text.utf8.count + id.utf8.count + 160)
    data.append(contentsOf: #"{"type":""#.utf8)
    data.append(contentsOf: type.utf8)
    data.append(contentsOf: #"","sequence_number":"#.utf8)
    JSONWriter.appendInteger(Int64(sequence), to: &data)
    data.append(contentsOf: #","item_id":"#.utf8)
    JSONWriter.appendString(id, to: &data)
    data.append(contentsOf: #","output_index":"#.utf8)
    JSONWriter.appendInteger(Int64(output.count), to: &data)
    data.append(contentsOf: #","content_index":0,"delta":"#.utf8)
    JSONWriter.appendString(text, to: &data)
    if kind == .message {
      data.append(contentsOf: #","logprobs":"#.utf8)
      OpenAIResponsesItems.logprobs(tokens).write(into: &data)
    }
    data.append(UInt8(ascii: "}"))
    sequence += 1
    return .event(name: type, data: data)
  }
}
