/// Sizes beyond which a request is refused, whatever the dialect (threat model, "JSON and parameters" and "Images").
enum RequestLimits {
  static let messages = 4096
  static let tools = 256
  static let images = 16
  /// Agents name tools `mcp__<server>__<tool>`, which passes 64 characters easily; the wire contract says 256.
  static let toolNameCharacters = 256
  static let toolDescriptionBytes = 16 * 1024
  static let toolSchemaBytes = 64 * 1024
  static let stopStrings = 16
  static let stopStringBytes = 256
  static let logitBiasEntries = 1024
  static let topLogprobs = 20
  static let choices = 8
  /// Answers of one plain completion request: prompts times samples. Each is a request of its own to the model.
  static let completions = 32
  /// Texts to embed, or documents to rank.
  static let embeddingInputs = 2048
  /// Integrations in one request, and what one of them may hold.
  static let toolServers = 8
  static let toolServerHeaders = 32
  static let allowedTools = 256
  /// Bytes of one image file, decoded from base64.
  static let imageBytes = 20 * 1024 * 1024
  static let imagePixels = 50_000_000
  static let imageSide = 16_384
}
