import AtelierCore

/// Only what a worker can say has a form here: instances, loads and tools run by the server are the API process's own.
private enum EventTag {
  static let promptStarted: UInt8 = 1
  static let promptProgress: UInt8 = 2
  static let promptFinished: UInt8 = 3
  static let reasoningStarted: UInt8 = 4
  static let reasoningDelta: UInt8 = 5
  static let reasoningFinished: UInt8 = 6
  static let messageStarted: UInt8 = 7
  static let messageDelta: UInt8 = 8
  static let messageFinished: UInt8 = 9
  static let toolCallStarted: UInt8 = 10
  static let toolCallArgumentsDelta: UInt8 = 11
  static let toolCallArguments: UInt8 = 12
  static let failed: UInt8 = 13
  static let finished: UInt8 = 14
}

private enum ItemTag {
  static let reasoning: UInt8 = 1
  static let message: UInt8 = 2
  static let toolCall: UInt8 = 3
}

extension ByteWriter {
  mutating func write(_ event: GenerationEvent) throws(FrameError) {
    switch event {
    case .promptStarted: write(byte: EventTag.promptStarted)
    case .promptProgress(let progress):
      write(byte: EventTag.promptProgress)
      write(progress)
    case .promptFinished(let usage):
      write(byte: EventTag.promptFinished)
      write(signed: Int64(usage.tokens))
      write(signed: Int64(usage.cachedTokens))
      write(optional: usage.scores) { $0.write($1) }
    case .reasoningStarted: write(byte: EventTag.reasoningStarted)
    case .reasoningDelta(let text):
      write(byte: EventTag.reasoningDelta)
      write(text)
    case .reasoningFinished: write(byte: EventTag.reasoningFinished)
    case .messageStarted: write(byte: EventTag.messageStarted)
    case .messageDelta(let text, let tokens):
      write(byte: EventTag.messageDelta)
      write(text)
      write(count: tokens.count)
      for token in tokens { write(token) }
    case .messageFinished: write(byte: EventTag.messageFinished)
    case .toolCallStarted(let head) where head.provider == nil:
      write(byte: EventTag.toolCallStarted)
      write(head.id)
      write(head.name)
    case .toolCallArgumentsDelta(let text):
      write(byte: EventTag.toolCallArgumentsDelta)
      write(text)
    case .toolCallArguments(let call, provider: nil):
      write(byte: EventTag.toolCallArguments)
      write(call)
    case .failed(let error):
      write(byte: EventTag.failed)
      write(error)
    case .finished(let result):
      write(byte: EventTag.finished)
      try write(result)
    case .instanceSelected, .loadStarted, .loadProgress, .loadFinished, .toolCallStarted, .toolCallArguments,
      .toolCallSucceeded, .toolCallFailed, .toolsListed:
      throw .notEncodable("the event is not a worker's")
    }
  }

  private mutating func write(_ scores: PromptScores) {
    write(blob: scores.first)
    write(count: scores.rest.count)
    for token in scores.rest { write(token) }
  }

  mutating func write(_ token: TokenLogprob) {
    write(token.chosen)
    write(count: token.top.count)
    for alternative in token.top { write(alternative) }
  }

  private mutating func write(_ alternative: TokenLogprob.Alternative) {
    write(signed: Int64(alternative.token))
    write(blob: alternative.bytes)
    write(alternative.logprob)
  }

  private mutating func write(_ call: ToolCall) {
    write(call.id)
    write(call.name)
    write(call.arguments)
  }

  private mutating func write(_ result: GenerationResult) throws(FrameError) {
    guard result.instance == nil, result.responseID == nil else {
      throw .notEncodable("a worker knows neither instance nor response id")
    }
    write(count: result.output.count)
    for item in result.output {
      switch item {
      case .reasoning(let text):
        write(byte: ItemTag.reasoning)
        write(text)
      case .message(let text):
        write(byte: ItemTag.message)
        write(text)
      case .toolCall(let call):
        write(byte: ItemTag.toolCall)
        write(call)
      case .executedToolCall, .invalidToolCall, .toolListing: throw .notEncodable("the output item is not a worker's")
      }
    }
    write(result.finishReason.rawValue)
    write(optional: result.matchedStop) { $0.write($1) }
    for number in [
      result.usage.inputTokens, result.usage.cachedTokens, result.usage.outputTokens, result.usage.reasoningTokens,
    ] { write(signed: Int64(number)) }
    write(result.timings.timeToFirstToken)
    write(result.timings.generation)
    write(optional: result.timings.modelLoad) { $0.write($1) }
  }
}

extension ByteReader {
  mutating func event() throws(FrameError) -> GenerationEvent {
    switch try byte() {
    case EventTag.promptStarted: return .promptStarted
    case EventTag.promptProgress: return .promptProgress(try double())
    case EventTag.promptFinished:
      let tokens = try amount()
      let cached = try amount()
      let scores = try optional { (reader) throws(FrameError) in try reader.promptScores() }
      return .promptFinished(PromptUsage(tokens: tokens, cachedTokens: cached, scores: scores))
    case EventTag.reasoningStarted: return .reasoningStarted
    case EventTag.reasoningDelta: return .reasoningDelta(try string())
    case EventTag.reasoningFinished: return .reasoningFinished
    case EventTag.messageStarted: return .messageStarted
    case EventTag.messageDelta:
      let text = try string()
      return .messageDelta(
        text, try array(elementBytes: 11) { (reader) throws(FrameError) in try reader.tokenLogprob() })
    case EventTag.messageFinished: return .messageFinished
    case EventTag.toolCallStarted:
      let id = try string()
      return .toolCallStarted(ToolCallHead(id: id, name: try string()))
    case EventTag.toolCallArgumentsDelta: return .toolCallArgumentsDelta(try string())
    case EventTag.toolCallArguments: return .toolCallArguments(try toolCall(), provider: nil)
    case EventTag.failed: return .failed(try error())
    case EventTag.finished: return .finished(try result())
    default: throw .malformed("an unknown event")
    }
  }

  private mutating func promptScores() throws(FrameError) -> PromptScores {
    let first = Array(try blob())
    return PromptScores(
      first: first, rest: try array(elementBytes: 11) { (reader) throws(FrameError) in try reader.tokenLogprob() })
  }

  mutating func tokenLogprob() throws(FrameError) -> TokenLogprob {
    let chosen = try alternative()
    return TokenLogprob(
      chosen: chosen, top: try array(elementBytes: 10) { (reader) throws(FrameError) in try reader.alternative() })
  }

  private mutating func alternative() throws(FrameError) -> TokenLogprob.Alternative {
    let token = try int32()
    let bytes = Array(try blob())
    return TokenLogprob.Alternative(token: token, bytes: bytes, logprob: try double())
  }

  private mutating func toolCall() throws(FrameError) -> ToolCall {
    let id = try string()
    let name = try string()
    return ToolCall(id: id, name: name, arguments: try string())
  }

  private mutating func result() throws(FrameError) -> GenerationResult {
    var result = GenerationResult()
    result.output = try array(elementBytes: 2) { (reader) throws(FrameError) -> OutputItem in
      switch try reader.byte() {
      case ItemTag.reasoning: return .reasoning(try reader.string())
      case ItemTag.message: return .message(try reader.string())
      case ItemTag.toolCall: return .toolCall(try reader.toolCall())
      default: throw .malformed("an unknown output item")
      }
    }
    guard let reason = FinishReason(rawValue: try string()) else { throw .malformed("an unknown finish reason") }
    result.finishReason = reason
    result.matchedStop = try optional { (reader) throws(FrameError) in try reader.string() }
    result.usage.inputTokens = try amount()
    result.usage.cachedTokens = try amount()
    result.usage.outputTokens = try amount()
    result.usage.reasoningTokens = try amount()
    result.timings.timeToFirstToken = try double()
    result.timings.generation = try double()
    result.timings.modelLoad = try optional { (reader) throws(FrameError) in try reader.double() }
    return result
  }
}
