import AtelierCore

/// One turn of `chat` as the body of a native chat request.
struct ChatArguments: Sendable, Hashable {
  var model: String
  var input: String
  var systemPrompt: String?
  /// `on`, `off`; nil: the model's own way.
  var reasoning: String?
  /// Idle seconds before a model that this loads is unloaded.
  var timeToLive: Int
  /// The turn goes on from here; also means that turns are stored.
  var previous: String?
  var isStored: Bool

  func body(streams: Bool) -> JSONValue {
    var body: JSONObject = ["model": .string(model), "input": .string(input)]
    if let systemPrompt, previous == nil { body["system_prompt"] = .string(systemPrompt) }
    if let reasoning { body["reasoning"] = .string(reasoning) }
    body["ttl"] = .integer(Int64(timeToLive))
    if let previous { body["previous_response_id"] = .string(previous) }
    if !isStored { body["store"] = false }
    if streams { body["stream"] = true }
    return .object(body)
  }

  /// The prompt of the flag with what came in on standard input below it; nil when there is neither.
  static func prompt(_ flag: String?, piped: String?) -> String? {
    let parts = [flag, piped].compactMap(\.self).filter { !$0.allSatisfy(\.isWhitespace) }
    return parts.isEmpty ? nil : parts.joined(separator: "\n\n")
  }

  /// What `--stats` shows of a result.
  static func statistics(_ stats: JSONValue) -> String {
    let rate = HumanText.decimal(stats["tokens_per_second"]?.doubleValue ?? 0, 1)
    let first = HumanText.decimal(stats["time_to_first_token_seconds"]?.doubleValue ?? 0, 2)
    let load = stats["model_load_time_seconds"]?.doubleValue.map { ", loaded in \(HumanText.elapsed($0))" } ?? ""
    return "\(stats["input_tokens"]?.integerValue ?? 0) tokens in, "
      + "\(stats["total_output_tokens"]?.integerValue ?? 0) out, \(rate) tokens/s, first after \(first) s\(load)"
  }
}
