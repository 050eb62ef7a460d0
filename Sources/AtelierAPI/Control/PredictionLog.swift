import AtelierCore

/// `GET /atelier/log`: what models are asked and what they answer, in the events of `lms log stream` (native.md 17.4).
package enum PredictionLog {
  /// Bytes of a text that are shown.
  private static let longest = 65_536

  /// `now`: milliseconds since 1970, also below. The text is the conversation as it was asked for, because only the
  /// worker knows the template's rendering of it.
  package static func input(_ request: GenerationRequest, now: Int64) -> JSONValue {
    event(now, ["type": "llm.prediction.input", "modelIdentifier": .string(request.model), "input": text(of: request)])
  }

  package static func output(_ result: GenerationResult, now: Int64) -> JSONValue {
    let body = LMStudioV1ChatResult.body(of: result, instanceID: nil, failed: false)
    return event(
      now,
      [
        "type": "llm.prediction.output", "modelIdentifier": body["model_instance_id"] ?? "",
        "output": .string(shortened(result.output.map(text).joined(separator: "\n"))), "stats": body["stats"] ?? .null,
      ])
  }

  private static func event(_ now: Int64, _ data: JSONObject) -> JSONValue {
    ["timestamp": .integer(now), "data": .object(data)]
  }

  private static func text(of request: GenerationRequest) -> JSONValue {
    var lines: [String] = []
    if let prompt = request.systemPrompt { lines.append("system: \(prompt)") }
    if let id = request.previousResponseID { lines.append("(continues \(id))") }
    switch request.input {
    case .chat(let messages): lines += messages.map { "\($0.role.rawValue): \($0.text)" }
    case .text(let text): lines.append(text)
    case .tokens(let tokens): lines.append("(\(tokens.count) tokens)")
    case .infill(let prefix, let suffix): lines += [prefix, "(to be filled in)", suffix]
    }
    return .string(shortened(lines.joined(separator: "\n")))
  }

  private static func text(of item: OutputItem) -> String {
    switch item {
    case .reasoning(let text): "<think>\(text)</think>"
    case .message(let text): text
    case .toolCall(let call): "\(call.name)(\(call.arguments))"
    case .executedToolCall(let call, _, let output, _): "\(call.name)(\(call.arguments)) = \(output)"
    case .invalidToolCall(let call): "\(call.toolName): \(call.reason)"
    case .toolListing(let listing): "(offered: \(listing.tools.map(\.name).joined(separator: ", ")))"
    }
  }

  private static func shortened(_ text: String) -> String {
    guard text.utf8.count > longest else { return text }
    return String(decoding: text.utf8.prefix(longest), as: UTF8.self) + "…"
  }
}
