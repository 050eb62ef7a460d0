import AtelierCore

/// Errors of the `/v1/messages` routes (anthropic.md 2).
package enum AnthropicError {
  package static func response(to error: AtelierError, requestID: String = "") -> ErrorResponse {
    let status = wire(error.code).status
    return ErrorResponse(
      status: status, headers: ErrorResponse.headers(for: error, status: status),
      body: body(of: error, requestID: requestID))
  }

  /// The same object is the data of the `error` event that ends a failed stream.
  static func body(of error: AtelierError, requestID: String) -> JSONValue {
    var body: JSONObject = [
      "type": "error",
      "error": ["type": .string(wire(error.code).type), "message": .string(message(of: error))],
    ]
    if !requestID.isEmpty { body["request_id"] = .string(requestID) }
    return .object(body)
  }

  /// Statuses above 499 are for what may succeed when repeated: the SDK repeats them, and agents resend a conversation
  /// that was refused with one instead of shortening it.
  private static func wire(_ code: AtelierError.Code) -> (status: Int, type: String) {
    switch code {
    case .invalidJSON, .missingRequiredParameter, .unrecognizedKeys, .invalidUnion, .invalidType, .invalidValue,
      .unsupportedParameter, .unsupportedModality, .invalidImage, .imageURLUnsupported, .invalidJSONSchema,
      .contextLengthExceeded, .previousResponseNotFound, .modelTypeMismatch, .identifierInUse, .notImplemented,
      .templateFailed, .forbiddenAddress:
      (400, "invalid_request_error")
    case .methodNotAllowed: (405, "invalid_request_error")
    case .malformedRequest: (400, "invalid_request_error")
    case .requestTimeout: (408, "invalid_request_error")
    case .modelInUse: (409, "invalid_request_error")
    case .unsupportedMediaType: (415, "invalid_request_error")
    case .invalidAPIKey: (401, "authentication_error")
    case .permissionDenied, .mcpDisabled, .forbiddenHost, .forbiddenOrigin: (403, "permission_error")
    case .unknownEndpoint, .modelNotFound, .modelNotLoaded, .jobNotFound, .responseNotFound: (404, "not_found_error")
    case .requestTooLarge: (413, "request_too_large")
    case .serverBusy, .tooManyAttempts: (429, "rate_limit_error")
    case .cancelled: (499, "api_error")
    case .shuttingDown, .insufficientMemory, .modelUnloaded: (529, "overloaded_error")
    default: (500, "api_error")
    }
  }

  private static func message(of error: AtelierError) -> String {
    switch error.code {
    // The hosted API's wording, which agents recognise.
    case .contextLengthExceeded:
      guard let overflow = ContextOverflow(error) else { return error.message }
      return "prompt is too long: \(overflow.promptTokens) tokens > \(overflow.contextLength) maximum"
    case .templateFailed: return "Chat template error: \(error.message)"
    default: return error.message
    }
  }
}
