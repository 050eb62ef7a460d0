import AtelierAPI
import AtelierCore

/// Which vendor's manners a path has. Decides how errors look that no dialect has seen yet.
enum Surface: Sendable, Hashable {
  case native, openAI

  init(_ path: RequestPath?) { self = path?.segments.first == "v1" ? .openAI : .native }

  func response(to error: AtelierError) -> ErrorResponse {
    switch self {
    case .native: LMStudioV1Error.response(to: error)
    case .openAI: OpenAIError.response(to: error)
    }
  }
}
