/// How a model file's weights are stored.
package struct Quantization: Sendable, Hashable, Codable {
  /// As the field writes it: `Q4_K_M`, `F16`.
  package var name: String
  /// Coarse, as LM Studio reports it (4 for any Q4); nil when unknown.
  package var bitsPerWeight: Double?

  package init(name: String, bitsPerWeight: Double?) {
    self.name = name
    self.bitsPerWeight = bitsPerWeight
  }
}
