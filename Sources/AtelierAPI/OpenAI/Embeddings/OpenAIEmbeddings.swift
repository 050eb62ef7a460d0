import AtelierCore
import Foundation

/// `POST /v1/embeddings` (openai.md 9).
package enum OpenAIEmbeddings {
  package struct Command: Sendable, Hashable {
    package enum Encoding: Sendable, Hashable { case float, base64 }

    /// As asked for; empty when the client left it to the server.
    package var model: String
    package var request: EmbeddingRequest
    package var encoding: Encoding
    /// Numbers to keep of each vector.
    package var dimensions: Int?
    package var timeToLive: TimeToLive?

    package init(
      model: String, request: EmbeddingRequest, encoding: Encoding, dimensions: Int?, timeToLive: TimeToLive?
    ) {
      self.model = model
      self.request = request
      self.encoding = encoding
      self.dimensions = dimensions
      self.timeToLive = timeToLive
    }
  }

  package static func decode(_ body: JSONValue) throws(AtelierError) -> Command {
    let problems = RequestProblems()
    let fields = try FieldReader(body: body, problems: problems)
    let model = fields.string("model") ?? ""
    let inputs = fields.required("input") { OpenAITextInputs.read(fields, $0, upTo: RequestLimits.embeddingInputs) }
    let encoding = fields.word("encoding_format", of: ["float": Command.Encoding.float, "base64": .base64])
    let dimensions = fields.integer("dimensions", from: 1)
    for (place, input) in (inputs ?? []).enumerated() where input == .text("") || input == .tokens([]) {
      let path = inputs?.count == 1 && fields["input"]?.arrayValue == nil ? "input" : "input.\(place)"
      let _: Never? = fields.wrongValue(path, "must not be empty")
    }
    try problems.check()
    return Command(
      model: model, request: EmbeddingRequest(inputs: try problems.unwrap(inputs)), encoding: encoding ?? .float,
      dimensions: dimensions, timeToLive: fields.lenientTimeToLive())
  }

  /// Throws `invalidValue` when the model's vectors are shorter than what was asked for.
  package static func body(
    of result: EmbeddingResult, from instance: InstanceSelection, for command: Command
  ) throws(AtelierError) -> JSONValue {
    try body(of: result, model: Optional(instance).name(askedFor: command.model), for: command)
  }

  static func body(
    of result: EmbeddingResult, model: String, for command: Command
  ) throws(AtelierError) -> JSONValue {
    var data: [JSONValue] = []
    data.reserveCapacity(result.vectors.count)
    for (index, vector) in result.vectors.enumerated() {
      let shortened = try shortened(vector, to: command.dimensions)
      data.append([
        "object": "embedding", "index": .count(index), "embedding": value(shortened, command.encoding),
      ])
    }
    return [
      "object": "list", "data": .array(data), "model": .string(model),
      "usage": ["prompt_tokens": .count(result.promptTokens), "total_tokens": .count(result.promptTokens)],
    ]
  }

  /// The first `count` numbers, of unit length again.
  private static func shortened(_ vector: [Float], to count: Int?) throws(AtelierError) -> [Float] {
    guard let count, count != vector.count else { return vector }
    guard count < vector.count else {
      throw AtelierError(
        .invalidValue, "'dimensions' must be at most \(vector.count), which this model's embeddings have",
        param: "dimensions")
    }
    let kept = vector[..<count]
    let length = kept.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
    return length > 0 ? kept.map { Float(Double($0) / length) } : Array(kept)
  }

  private static func value(_ vector: [Float], _ encoding: Command.Encoding) -> JSONValue {
    switch encoding {
    // As few digits as tell one 32-bit number from another.
    case .float: .array(vector.map { .number(Double($0.description) ?? Double($0)) })
    case .base64: .string(littleEndianBytes(vector).base64EncodedString())
    }
  }

  private static func littleEndianBytes(_ vector: [Float]) -> Data {
    var bytes = Data(capacity: vector.count * 4)
    for number in vector {
      withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
    }
    return bytes
  }
}
