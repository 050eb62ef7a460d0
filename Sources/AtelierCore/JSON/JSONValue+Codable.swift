/// Coded as one string that holds the JSON text: containers of other coders lose the order of members.
extension JSONValue: Codable {
  /// Wider than for clients' documents: what is decoded here was read or built by us before.
  private static let codingLimits = JSONLimits(depth: 256, members: 1_000_000)

  package init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    do {
      self = try JSONValue(parsing: try container.decode(String.self), limits: Self.codingLimits)
    } catch let error as JSONParseError {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: error.description)
    }
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(serialized())
  }
}

extension JSONObject: Codable {
  package init(from decoder: any Decoder) throws {
    guard case .object(let object) = try JSONValue(from: decoder) else {
      throw DecodingError.dataCorrupted(
        DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "not a JSON object"))
    }
    self = object
  }

  package func encode(to encoder: any Encoder) throws { try JSONValue.object(self).encode(to: encoder) }
}
