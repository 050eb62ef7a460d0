import AtelierCore

/// Errors of the OpenAI routes (openai.md 3): one shape, all four keys always present.
///
/// What comes from behind the dialects names fields in the native API's words (`input`, `reasoning`); here they get this
/// API's. `inputField` is the route's name for what the model reads: `messages`, `prompt` or `input`.
package enum OpenAIError {
  package static func response(to error: AtelierError, inputField: String = "messages") -> ErrorResponse {
    let status = wire(error.code).status
    return ErrorResponse(
      status: status, headers: ErrorResponse.headers(for: error, status: status),
      body: ["error": object(error, inputField: inputField)])
  }

  /// The value of `error` in bodies and in the last frame of a failed stream.
  static func object(_ error: AtelierError, inputField: String = "messages") -> JSONValue {
    let wire = wire(error.code)
    return [
      "message": .string(message(of: error, inputField)), "type": .string(wire.type),
      "param": .text(param(of: error, inputField)), "code": .text(wire.code),
    ]
  }

  private typealias Wire = (status: Int, type: String, code: String?)

  private static func wire(_ code: AtelierError.Code) -> Wire {
    switch code {
    case .invalidJSON, .missingRequiredParameter, .invalidType, .invalidValue, .unsupportedParameter, .invalidImage,
      .imageURLUnsupported, .invalidJSONSchema, .contextLengthExceeded, .previousResponseNotFound, .modelTypeMismatch:
      invalid(400, code.rawValue)
    case .unrecognizedKeys: invalid(400, "unsupported_parameter")
    case .invalidUnion: invalid(400, "invalid_type")
    case .unsupportedModality: invalid(400, "model_type_mismatch")
    case .identifierInUse, .templateFailed: invalid(400, "invalid_value")
    case .notImplemented: invalid(400, "unsupported_value")
    case .invalidAPIKey: invalid(401, "invalid_api_key")
    case .permissionDenied: (403, "permission_error", "insufficient_permissions")
    case .mcpDisabled: (403, "permission_error", "mcp_disabled")
    case .gatedRepository: (403, "permission_error", code.rawValue)
    case .forbiddenHost, .forbiddenOrigin: (403, "permission_error", code.rawValue)
    case .modelNotFound, .modelNotLoaded: invalid(404, "model_not_found")
    case .unknownEndpoint: invalid(404, "unknown_url")
    case .responseNotFound, .jobNotFound: invalid(404, code.rawValue)
    case .methodNotAllowed: invalid(405, "method_not_allowed")
    case .malformedRequest: invalid(400, code.rawValue)
    case .requestTimeout: invalid(408, code.rawValue)
    case .modelInUse: invalid(409, code.rawValue)
    case .requestTooLarge: invalid(413, "request_too_large")
    case .unsupportedMediaType: invalid(415, code.rawValue)
    case .mcpConnection, .pluginConnection: (424, "external_connector_error", "mcp_list_tools_failed")
    case .serverBusy: (429, "rate_limit_error", "rate_limit_exceeded")
    case .tooManyAttempts: (429, "rate_limit_error", code.rawValue)
    case .cancelled: (499, "server_error", nil)
    case .modelLoadFailed, .insufficientMemory, .unsupportedArchitecture, .corruptFile, .missingShard:
      (500, "server_error", "model_load_failed")
    case .generationFailed, .engineDied, .toolFormat: (500, "server_error", "engine_error")
    case .noCompatibleFiles, .forbiddenAddress: invalid(400, code.rawValue)
    case .hubUnreachable: (502, "server_error", code.rawValue)
    case .insufficientDiskSpace, .downloadFailed: (500, "server_error", code.rawValue)
    case .internalError: (500, "server_error", nil)
    case .shuttingDown, .modelUnloaded: (503, "server_error", "server_is_overloaded")
    }
  }

  private static func invalid(_ status: Int, _ code: String) -> Wire { (status, "invalid_request_error", code) }

  private static func message(of error: AtelierError, _ inputField: String) -> String {
    switch error.code {
    // The hosted API's wording, which agents recognise.
    case .contextLengthExceeded:
      guard let overflow = ContextOverflow(error) else { return error.message }
      let field = error.param == "query" ? "query" : inputField
      return
        "This model's maximum context length is \(overflow.contextLength) tokens. However, your \(field) resulted "
        + "in \(overflow.promptTokens) tokens. Please reduce the length of the \(field)."
    case .templateFailed: return "Chat template error: \(error.message)"
    default: return error.message
    }
  }

  private static func param(of error: AtelierError, _ inputField: String) -> String? {
    switch (error.code, error.param) {
    // One of several inputs.
    case (.contextLengthExceeded, let param?) where param.hasPrefix("input."):
      inputField + param.dropFirst("input".count)
    // A reranker's documents are cut; what leaves no room for them is the query.
    case (.contextLengthExceeded, "query"): "query"
    case (.contextLengthExceeded, _), (_, "input"): inputField
    case (_, "reasoning"): "reasoning_effort"
    case (_, let param?) where param.hasPrefix("integrations"): "tools"
    case (_, let param?): param
    case (.unsupportedModality, nil), (.templateFailed, nil): inputField
    case (.modelNotFound, nil), (.modelNotLoaded, nil), (.modelTypeMismatch, nil): "model"
    case (.previousResponseNotFound, nil): "previous_response_id"
    case (.mcpDisabled, nil), (.mcpConnection, nil), (.pluginConnection, nil), (.forbiddenAddress, nil): "tools"
    default: nil
    }
  }
}
