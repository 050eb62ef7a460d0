import AtelierCore
import Foundation

extension WorkerCommand {
  private enum Kind: UInt8 {
    case load = 0x01
    case predict, embed, rerank, countTokens, cancel, ping, shutdown
  }

  /// The frame's type and payload. Throws `tooLarge` past `WorkerProtocol.maxCommandBytes`.
  package func encoded() throws(FrameError) -> [UInt8] {
    var writer: ByteWriter
    switch self {
    case .load(let load):
      writer = ByteWriter(type: Kind.load.rawValue)
      try writer.write(json: load)
    case .predict(let id, let request):
      writer = ByteWriter(type: Kind.predict.rawValue)
      writer.write(unsigned: id)
      try writer.write(request)
    case .embed(let id, let request):
      writer = ByteWriter(type: Kind.embed.rawValue)
      writer.write(unsigned: id)
      try writer.write(json: request)
    case .rerank(let id, let request):
      writer = ByteWriter(type: Kind.rerank.rawValue)
      writer.write(unsigned: id)
      try writer.write(json: request)
    case .countTokens(let id, let request):
      writer = ByteWriter(type: Kind.countTokens.rawValue)
      writer.write(unsigned: id)
      try writer.write(request)
    case .cancel(let id):
      writer = ByteWriter(type: Kind.cancel.rawValue)
      writer.write(unsigned: id)
    case .ping(let number):
      writer = ByteWriter(type: Kind.ping.rawValue)
      writer.write(unsigned: number)
    case .shutdown:
      writer = ByteWriter(type: Kind.shutdown.rawValue)
    }
    guard writer.bytes.count <= WorkerProtocol.maxCommandBytes else { throw .tooLarge(bytes: writer.bytes.count) }
    return writer.bytes
  }

  /// Reads what `encoded` wrote. Throws `malformed` for anything else.
  package init(frame: [UInt8]) throws(FrameError) {
    var reader = ByteReader(frame)
    guard let kind = Kind(rawValue: try reader.byte()) else { throw .malformed("an unknown command") }
    switch kind {
    case .load: self = .load(try reader.json(EngineLoad.self))
    case .predict:
      let id = try reader.unsigned()
      self = .predict(id: id, try reader.request())
    case .embed:
      let id = try reader.unsigned()
      self = .embed(id: id, try reader.json(EmbeddingRequest.self))
    case .rerank:
      let id = try reader.unsigned()
      self = .rerank(id: id, try reader.json(RerankRequest.self))
    case .countTokens:
      let id = try reader.unsigned()
      self = .countTokens(id: id, try reader.request())
    case .cancel: self = .cancel(id: try reader.unsigned())
    case .ping: self = .ping(try reader.unsigned())
    case .shutdown: self = .shutdown
    }
    try reader.expectEnd()
  }
}

extension ByteWriter {
  /// A value as JSON up to the end of the frame.
  mutating func write(json value: some Encodable) throws(FrameError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .withoutEscapingSlashes
    // The log probability of what a grammar forbade.
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    do {
      write(tail: try encoder.encode(value))
    } catch {
      throw .notEncodable("\(type(of: value)) is not representable as JSON")
    }
  }

  /// The images' bytes first, as they are, then the request without them as JSON: base64 would cost a third more and
  /// several copies.
  fileprivate mutating func write(_ request: EngineRequest) throws(FrameError) {
    var images: [Data] = []
    var bare = request
    bare.replaceImageBytes { bytes in
      images.append(bytes)
      return Data()
    }
    write(count: images.count)
    for bytes in images { write(blob: bytes) }
    try write(json: bare)
  }
}

extension ByteReader {
  mutating func json<Value: Decodable>(_ type: Value.Type) throws(FrameError) -> Value {
    let bytes = Data(try tail())
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    do {
      return try decoder.decode(type, from: bytes)
    } catch {
      throw .malformed("\(type) cannot be read")
    }
  }

  fileprivate mutating func request() throws(FrameError) -> EngineRequest {
    let images = try array { (reader) throws(FrameError) in Data(try reader.blob()) }
    var request = try json(EngineRequest.self)
    var used = 0
    request.replaceImageBytes { _ in
      defer { used += 1 }
      return used < images.count ? images[used] : Data()
    }
    guard used == images.count else { throw .malformed("the request and its images do not match") }
    return request
  }
}

extension EngineRequest {
  /// Visits every image in the order of messages and parts.
  fileprivate mutating func replaceImageBytes(_ replacement: (Data) -> Data) {
    guard case .chat(var messages) = input else { return }
    for message in messages.indices {
      for part in messages[message].content.indices {
        guard case .image(var image) = messages[message].content[part] else { continue }
        image.bytes = replacement(image.bytes)
        messages[message].content[part] = .image(image)
      }
    }
    input = .chat(messages)
  }
}
