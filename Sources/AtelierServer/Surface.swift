import AtelierAPI
import AtelierCore

/// Which vendor's manners a path has. Decides how errors look.
enum Surface: Sendable, Hashable {
  case native, anthropic
  /// `inputField`: the route's name for what the model reads.
  case openAI(inputField: String)

  init(_ path: RequestPath?) {
    let segments = path?.segments ?? []
    switch (segments.first, segments.dropFirst().first) {
    case ("v1", "messages"): self = .anthropic
    case ("v1", "responses"): self = .openAI(inputField: Self.inputField("responses"))
    case ("v1", let endpoint?) where segments.count == 2: self = .openAI(inputField: Self.inputField(endpoint))
    case ("api", "v0"): self = .openAI(inputField: segments.count == 3 ? Self.inputField(segments[2]) : "messages")
    case ("v1", _): self = .openAI(inputField: "messages")
    case ("v2", "rerank"): self = .openAI(inputField: Self.inputField("rerank"))
    default: self = .native
    }
  }

  private static func inputField(_ endpoint: String) -> String {
    switch endpoint {
    case "completions": "prompt"
    case "embeddings", "responses": "input"
    case "rerank": "documents"
    default: "messages"
    }
  }

  func response(to error: AtelierError, requestID: String) -> ErrorResponse {
    switch self {
    case .native: LMStudioV1Error.response(to: error)
    case .anthropic: AnthropicError.response(to: error, requestID: requestID)
    case .openAI(let inputField): OpenAIError.response(to: error, inputField: inputField)
    }
  }
}
