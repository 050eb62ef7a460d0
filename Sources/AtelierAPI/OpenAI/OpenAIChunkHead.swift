import AtelierCore

/// The beginning that all chunks of one stream share: `id`, `object`, `created`, `model`, `system_fingerprint`, and
/// `choices` up to the value of the first choice's `index`. Written once.
struct OpenAIChunkHead: Sendable {
  let bytes: [UInt8]

  private static let firstIndex = #""choices":[{"index":"#

  init(id: String, object: String, created: Int64, model: String) {
    var bytes: [UInt8] = []
    bytes.append(contentsOf: #"{"id":"#.utf8)
    JSONWriter.appendString(id, to: &bytes)
    bytes.append(contentsOf: #","object":"#.utf8)
    JSONWriter.appendString(object, to: &bytes)
    bytes.append(contentsOf: #","created":"#.utf8)
    JSONWriter.appendInteger(created, to: &bytes)
    bytes.append(contentsOf: #","model":"#.utf8)
    JSONWriter.appendString(model, to: &bytes)
    bytes.append(contentsOf: #","system_fingerprint":"#.utf8)
    JSONWriter.appendString(model, to: &bytes)
    bytes.append(UInt8(ascii: ","))
    bytes.append(contentsOf: Self.firstIndex.utf8)
    self.bytes = bytes
  }

  /// The chunk without choices that carries the usage: always the last.
  func usageChunk(_ usage: JSONValue, of result: GenerationResult?, extras: OpenAIExtras) -> ServerSentEvent {
    var data = Array(bytes.dropLast(Self.firstIndex.utf8.count))
    data.append(contentsOf: #""choices":[],"usage":"#.utf8)
    usage.write(into: &data)
    if extras.isOnUsageChunk, let result { extras.write(of: result, into: &data) }
    data.append(UInt8(ascii: "}"))
    return .event(name: nil, data: data)
  }

  static let done = ServerSentEvent.event(name: nil, data: Array("[DONE]".utf8))
}
