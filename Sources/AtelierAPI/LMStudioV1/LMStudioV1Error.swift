import AtelierCore

/// Errors of every `/api/v1` route (native.md 2).
package enum LMStudioV1Error {
  package static func response(to error: AtelierError) -> ErrorResponse {
    let status = status(of: error.code)
    return ErrorResponse(
      status: status, headers: ErrorResponse.headers(for: error, status: status), body: ["error": object(error)])
  }

  /// The value of `error` in bodies and in the `error` event. `code` and `param` are left out rather than null.
  static func object(_ error: AtelierError) -> JSONValue {
    var object: JSONObject = [
      "type": .string(type(of: error.code)), "message": .string(message(of: error)),
      "code": .string(code(of: error.code)),
    ]
    if let param = error.param ?? defaultParam(of: error.code) { object["param"] = .string(param) }
    if let reason = loadFailure(error.code) { object["reason"] = .string(reason) }
    return .object(object)
  }

  /// Why a model could not be loaded, beside the one code that the contract has for it.
  private static func loadFailure(_ code: AtelierError.Code) -> String? {
    switch code {
    case .unsupportedArchitecture, .corruptFile, .missingShard: code.rawValue
    default: nil
    }
  }

  private static func status(of code: AtelierError.Code) -> Int {
    switch code {
    case .invalidJSON, .missingRequiredParameter, .unrecognizedKeys, .invalidUnion, .invalidType, .invalidValue,
      .unsupportedParameter, .unsupportedModality, .invalidImage, .imageURLUnsupported, .invalidJSONSchema,
      .contextLengthExceeded, .previousResponseNotFound, .modelTypeMismatch, .identifierInUse, .noCompatibleFiles,
      .forbiddenAddress:
      400
    case .invalidAPIKey: 401
    case .permissionDenied, .mcpDisabled, .forbiddenHost, .forbiddenOrigin, .gatedRepository: 403
    case .unknownEndpoint, .modelNotFound, .modelNotLoaded, .jobNotFound, .responseNotFound: 404
    case .methodNotAllowed: 405
    case .malformedRequest: 400
    case .requestTimeout: 408
    case .modelInUse: 409
    case .requestTooLarge: 413
    case .unsupportedMediaType: 415
    case .tooManyAttempts: 429
    case .cancelled: 499
    case .notImplemented: 501
    case .mcpConnection, .pluginConnection, .hubUnreachable: 502
    case .serverBusy, .shuttingDown: 503
    case .modelLoadFailed, .insufficientMemory, .unsupportedArchitecture, .corruptFile, .missingShard, .modelUnloaded,
      .toolFormat, .generationFailed, .engineDied,
      .templateFailed, .insufficientDiskSpace, .downloadFailed, .internalError:
      500
    }
  }

  /// One of the eight documented types; clients know no other.
  private static func type(of code: AtelierError.Code) -> String {
    switch code {
    case .modelNotFound, .modelNotLoaded: "model_not_found"
    case .jobNotFound: "job_not_found"
    case .notImplemented: "not_implemented"
    case .mcpConnection, .forbiddenAddress: "mcp_connection_error"
    case .pluginConnection: "plugin_connection_error"
    default: status(of: code) < 500 ? "invalid_request" : "internal_error"
    }
  }

  private static func code(of code: AtelierError.Code) -> String {
    switch code {
    case .shuttingDown: AtelierError.Code.serverBusy.rawValue
    case .methodNotAllowed: AtelierError.Code.unknownEndpoint.rawValue
    case .imageURLUnsupported: AtelierError.Code.invalidImage.rawValue
    case .modelTypeMismatch: AtelierError.Code.invalidValue.rawValue
    case .unsupportedArchitecture, .corruptFile, .missingShard: AtelierError.Code.modelLoadFailed.rawValue
    case .engineDied: AtelierError.Code.generationFailed.rawValue
    case .mcpDisabled: AtelierError.Code.permissionDenied.rawValue
    default: code.rawValue
    }
  }

  private static func message(of error: AtelierError) -> String {
    guard error.code == .contextLengthExceeded, let overflow = ContextOverflow(error) else { return error.message }
    return "The prompt has \(overflow.promptTokens) tokens, which is more than the context length of "
      + "\(overflow.contextLength) tokens. Shorten the input or load the model with a larger context_length."
  }

  private static func defaultParam(of code: AtelierError.Code) -> String? {
    switch code {
    case .contextLengthExceeded, .unsupportedModality: "input"
    case .modelTypeMismatch: "model"
    case .previousResponseNotFound: "previous_response_id"
    case .mcpDisabled, .mcpConnection, .pluginConnection, .forbiddenAddress: "integrations"
    default: nil
    }
  }
}
