import AtelierCore

/// What `load --estimate-only` says of the answer of `POST /atelier/estimate`.
enum LoadEstimateText {
  static func lines(_ answer: JSONValue) -> [String] {
    func size(_ key: String) -> String? { answer[key]?.integerValue.map(HumanText.size) }
    let rows: [(String, String?)] = [
      ("Model", answer["model"]?.stringValue),
      ("Context", answer["context_length"]?.integerValue.map { "\($0) tokens" }),
      ("Weights", size("weights_bytes")), ("KV cache", size("kv_cache_bytes")), ("Buffers", size("compute_bytes")),
      ("Total", size("total_bytes")), ("Available", size("available_bytes")),
    ]
    let verdict: String? =
      switch answer["fits"]?.boolValue {
      case true: "The model can be loaded."
      case false: "The model does not fit; --force would load it all the same."
      default: nil
      }
    return rows.compactMap { name, value in value.map { name.padding(to: 11) + HumanText.plain($0) } }
      + [verdict].compactMap(\.self)
  }
}

extension String {
  /// Filled with spaces up to `width`.
  func padding(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }
}
