import AtelierCore

extension WorkerReport {
  private enum Kind: UInt8 {
    case hello = 0x81
    case loadProgress, loaded, loadFailed, accepted, rejected, events, embedded, reranked, counted, pong
  }

  /// The frame's type and payload. Throws `notEncodable` for events that are not a worker's, `tooLarge` past
  /// `WorkerProtocol.maxReportBytes`.
  package func encoded() throws(FrameError) -> [UInt8] {
    var writer: ByteWriter
    switch self {
    case .hello(let version):
      writer = ByteWriter(type: Kind.hello.rawValue)
      writer.write(fixed: version)
    case .loadProgress(let progress):
      writer = ByteWriter(type: Kind.loadProgress.rawValue)
      writer.write(progress)
    case .loaded(let properties):
      writer = ByteWriter(type: Kind.loaded.rawValue)
      try writer.write(json: properties)
    case .loadFailed(let error):
      writer = ByteWriter(type: Kind.loadFailed.rawValue)
      writer.write(error)
    case .accepted(let id):
      writer = ByteWriter(type: Kind.accepted.rawValue)
      writer.write(unsigned: id)
    case .rejected(let id, let error):
      writer = ByteWriter(type: Kind.rejected.rawValue)
      writer.write(unsigned: id)
      writer.write(error)
    case .events(let events, let tokens):
      writer = ByteWriter(type: Kind.events.rawValue, capacity: 16 + 24 * events.count + 16 * tokens.count)
      writer.write(count: events.count)
      for entry in events {
        writer.write(unsigned: entry.id)
        try writer.write(entry.event)
      }
      writer.write(count: tokens.count)
      for entry in tokens { writer.write(entry) }
    case .embedded(let id, let result):
      writer = ByteWriter(
        type: Kind.embedded.rawValue, capacity: 32 + result.vectors.reduce(0) { $0 + $1.count * 4 + 4 })
      writer.write(unsigned: id)
      writer.write(signed: Int64(result.promptTokens))
      writer.write(count: result.vectors.count)
      for vector in result.vectors {
        writer.write(count: vector.count)
        for number in vector { writer.write(number) }
      }
    case .reranked(let id, let result):
      writer = ByteWriter(type: Kind.reranked.rawValue, capacity: 32 + result.scores.count * 4)
      writer.write(unsigned: id)
      writer.write(signed: Int64(result.promptTokens))
      writer.write(count: result.scores.count)
      for score in result.scores { writer.write(score) }
    case .counted(let id, let tokens):
      writer = ByteWriter(type: Kind.counted.rawValue)
      writer.write(unsigned: id)
      writer.write(signed: Int64(tokens))
    case .pong(let number, let state):
      writer = ByteWriter(type: Kind.pong.rawValue)
      writer.write(unsigned: number)
      writer.write(signed: Int64(state.running))
      writer.write(signed: Int64(state.waiting))
      writer.write(unsigned: state.steps)
    }
    guard writer.bytes.count <= WorkerProtocol.maxReportBytes else { throw .tooLarge(bytes: writer.bytes.count) }
    return writer.bytes
  }

  /// Reads what `encoded` wrote. Throws `malformed` for anything else.
  package init(frame: [UInt8]) throws(FrameError) {
    var reader = ByteReader(frame)
    guard let kind = Kind(rawValue: try reader.byte()) else { throw .malformed("an unknown report") }
    switch kind {
    case .hello:
      // A later version's hello may say more; what matters here is that its version can be read.
      self = .hello(version: try reader.fixed())
      return
    case .loadProgress: self = .loadProgress(try reader.double())
    case .loaded: self = .loaded(try reader.json(EngineProperties.self))
    case .loadFailed: self = .loadFailed(try reader.error())
    case .accepted: self = .accepted(id: try reader.unsigned())
    case .rejected:
      let id = try reader.unsigned()
      self = .rejected(id: id, try reader.error())
    case .events:
      let events = try reader.array(elementBytes: 2) { (reader) throws(FrameError) in
        let id = try reader.unsigned()
        return PredictionEvent(id: id, event: try reader.event())
      }
      self = .events(
        events, tokens: try reader.array(elementBytes: 4) { (reader) throws(FrameError) in try reader.tokens() })
    case .embedded:
      let id = try reader.unsigned()
      let tokens = try reader.amount()
      let vectors = try reader.array { (reader) throws(FrameError) -> [Float] in
        let count = try reader.count(elementBytes: 4)
        var vector: [Float] = []
        vector.reserveCapacity(count)
        for _ in 0..<count { vector.append(try reader.float()) }
        return vector
      }
      self = .embedded(id: id, EmbeddingResult(vectors: vectors, promptTokens: tokens))
    case .reranked:
      let id = try reader.unsigned()
      let tokens = try reader.amount()
      let scores = try reader.array(elementBytes: 4) { (reader) throws(FrameError) in try reader.float() }
      self = .reranked(id: id, RerankResult(scores: scores, promptTokens: tokens))
    case .counted:
      let id = try reader.unsigned()
      self = .counted(id: id, tokens: try reader.amount())
    case .pong:
      let number = try reader.unsigned()
      let running = try reader.amount()
      let waiting = try reader.amount()
      self = .pong(number, WorkerState(running: running, waiting: waiting, steps: try reader.unsigned()))
    }
    try reader.expectEnd()
  }
}

extension ByteWriter {
  fileprivate mutating func write(_ entry: PredictionTokens) {
    write(unsigned: entry.id)
    write(count: entry.tokens.count)
    for token in entry.tokens { write(signed: Int64(token)) }
    write(count: entry.logprobs.count)
    for logprob in entry.logprobs { write(logprob) }
    write(count: entry.draws)
  }
}

extension ByteReader {
  fileprivate mutating func tokens() throws(FrameError) -> PredictionTokens {
    let id = try unsigned()
    let tokens = try array { (reader) throws(FrameError) in try reader.int32() }
    let logprobs = try array(elementBytes: 11) { (reader) throws(FrameError) in try reader.tokenLogprob() }
    guard logprobs.isEmpty || logprobs.count == tokens.count else {
      throw .malformed("tokens and their log probabilities do not match")
    }
    return PredictionTokens(id: id, tokens: tokens, logprobs: logprobs, draws: try natural())
  }
}
