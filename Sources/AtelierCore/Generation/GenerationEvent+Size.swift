extension GenerationEvent {
  /// Bytes of memory that what it says takes, roughly; two deltas take as much as one with the text of both.
  package var textBytes: Int {
    switch self {
    case .reasoningDelta(let text), .toolCallArgumentsDelta(let text): text.utf8.count
    case .messageDelta(let text, let tokens): tokens.reduce(text.utf8.count) { $0 + 24 * (1 + $1.top.count) }
    case .toolCallStarted(let head): head.id.utf8.count + head.name.utf8.count
    case .toolCallArguments(let call, _): call.id.utf8.count + call.name.utf8.count + call.arguments.utf8.count
    case .failed(let error): error.message.utf8.count
    default: 0
    }
  }
}
