import AtelierCore
import AtelierText

/// Opens and closes blocks around what the parser finds, so that they never overlap and none is empty.
struct BlockWriter {
  private enum Block: Equatable {
    case none, reasoning, message
    case toolCall(index: Int)
  }

  private var open = Block.none
  private var call = ToolCall(id: "", name: "", arguments: "")
  private var fold = EventFold()
  private var calls: Set<[String]> = []
  private(set) var hasToolCalls = false
  /// A call has been closed that says the same as an earlier one, to the byte.
  private(set) var hasRepeatedCall = false
  /// The ids of the first calls, when they have been announced already.
  var announcedCalls: ArraySlice<String> = []

  /// The items of all blocks closed so far.
  var output: [OutputItem] { fold.output }

  mutating func write(_ output: ParsedOutput, logprobs: [TokenLogprob], into events: inout [GenerationEvent]) {
    switch output {
    case .reasoning(let text):
      guard !text.isEmpty else { return }
      if open != .reasoning {
        close(into: &events)
        emit(.reasoningStarted, into: &events)
        open = .reasoning
      }
      emit(.reasoningDelta(text), into: &events)
    case .message(let text):
      guard !text.isEmpty else { return }
      if open != .message {
        close(into: &events)
        emit(.messageStarted, into: &events)
        open = .message
      }
      emit(.messageDelta(text, logprobs), into: &events)
    case .toolCallStarted(let index, let id, let name):
      close(into: &events)
      open = .toolCall(index: index)
      let known = announcedCalls.popFirst() ?? id
      call = ToolCall(id: known.isEmpty ? "call_" + RandomText.base62(24) : known, name: name, arguments: "")
      emit(.toolCallStarted(ToolCallHead(id: call.id, name: name)), into: &events)
    case .toolCallArguments(let index, let text):
      guard open == .toolCall(index: index), !text.isEmpty else { return }
      call.arguments += text
      emit(.toolCallArgumentsDelta(text), into: &events)
    case .toolCallFinished(let index):
      guard open == .toolCall(index: index) else { return }
      close(into: &events)
    }
  }

  /// Closes the open block, if any. A call that was cut off keeps the arguments it has: whether they are of use is for the
  /// dialect to say.
  mutating func close(into events: inout [GenerationEvent]) {
    switch open {
    case .none: return
    case .reasoning: emit(.reasoningFinished, into: &events)
    case .message: emit(.messageFinished, into: &events)
    case .toolCall:
      hasToolCalls = true
      if !calls.insert([call.name, call.arguments]).inserted { hasRepeatedCall = true }
      emit(.toolCallArguments(call, provider: nil), into: &events)
    }
    open = .none
  }

  private mutating func emit(_ event: GenerationEvent, into events: inout [GenerationEvent]) {
    fold.add(event)
    events.append(event)
  }
}
