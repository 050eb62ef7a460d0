/// The one error type of Atelier: made where the fault is known, rendered once per dialect, never matched by its text.
package struct AtelierError: Error, Sendable, Hashable {
  package var code: Code
  /// For people: what is wrong and what to do next. Never holds a path of this machine, a secret, or library text.
  package var message: String
  /// The request field at fault, dotted with numeric indexes (`messages.2.content`).
  package var param: String?
  /// Numbers that belong to the fault, such as `prompt_tokens` and `context_length`, in the order to be shown.
  package var details: JSONObject
  /// Seconds after which a retry may succeed; nil when a retry would fail again.
  package var retryAfter: Int?

  package init(
    _ code: Code, _ message: String, param: String? = nil, details: JSONObject = [:], retryAfter: Int? = nil
  ) {
    self.code = code
    self.message = message
    self.param = param
    self.details = details
    self.retryAfter = retryAfter
  }
}

extension AtelierError {
  /// A closed vocabulary. The raw value is what the native dialect shows as `code`; other dialects map the case.
  package enum Code: String, Sendable, Hashable, CaseIterable, Codable {
    // What a client got wrong.
    case invalidJSON = "invalid_json"
    case missingRequiredParameter = "missing_required_parameter"
    case unrecognizedKeys = "unrecognized_keys"
    case invalidUnion = "invalid_union"
    case invalidType = "invalid_type"
    case invalidValue = "invalid_value"
    case unsupportedParameter = "unsupported_parameter"
    case unsupportedModality = "unsupported_modality"
    case invalidImage = "invalid_image"
    case imageURLUnsupported = "image_url_unsupported"
    case invalidJSONSchema = "invalid_json_schema"
    case contextLengthExceeded = "context_length_exceeded"
    case previousResponseNotFound = "previous_response_not_found"
    case responseNotFound = "response_not_found"
    case modelTypeMismatch = "model_type_mismatch"
    case identifierInUse = "identifier_in_use"
    case requestTooLarge = "request_too_large"
    case unsupportedMediaType = "unsupported_media_type"
    case malformedRequest = "malformed_request"
    case requestTimeout = "request_timeout"
    case unknownEndpoint = "unknown_endpoint"
    case methodNotAllowed = "method_not_allowed"
    case notImplemented = "not_implemented"
    // Who may.
    case invalidAPIKey = "invalid_api_key"
    case tooManyAttempts = "too_many_attempts"
    case permissionDenied = "permission_denied"
    case mcpDisabled = "mcp_disabled"
    case forbiddenHost = "forbidden_host"
    case forbiddenOrigin = "forbidden_origin"
    // Models and jobs.
    case modelNotFound = "model_not_found"
    case modelNotLoaded = "model_not_loaded"
    case jobNotFound = "job_not_found"
    case modelLoadFailed = "model_load_failed"
    case insufficientMemory = "insufficient_memory"
    case unsupportedArchitecture = "unsupported_architecture"
    case corruptFile = "corrupt_file"
    case missingShard = "missing_shard"
    case modelUnloaded = "model_unloaded"
    case modelInUse = "model_in_use"
    // Downloads.
    case hubUnreachable = "hub_unreachable"
    case noCompatibleFiles = "no_compatible_files"
    case gatedRepository = "gated_repository"
    case insufficientDiskSpace = "insufficient_disk_space"
    case downloadFailed = "download_failed"
    // Tools.
    case mcpConnection = "mcp_connection_error"
    case pluginConnection = "plugin_connection_error"
    /// A tool server's address that must not be connected to.
    case forbiddenAddress = "forbidden_address"
    case toolFormat = "tool_format_generation_error"
    // What the server got wrong.
    case serverBusy = "server_busy"
    case shuttingDown = "shutting_down"
    case generationFailed = "generation_failed"
    case engineDied = "engine_died"
    case templateFailed = "template_failed"
    case cancelled = "cancelled"
    case internalError = "internal_error"
  }
}
