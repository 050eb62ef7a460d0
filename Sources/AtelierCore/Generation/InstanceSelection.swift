/// The loaded (or about to be loaded) model that answers.
package struct InstanceSelection: Sendable, Hashable {
  package var instanceID: String
  package var modelKey: String
  /// GGUF `general.architecture`, such as `llama`.
  package var architecture: String?
  package var quantization: String?
  /// Tokens.
  package var contextLength: Int

  package init(
    instanceID: String, modelKey: String, architecture: String?, quantization: String?, contextLength: Int
  ) {
    self.instanceID = instanceID
    self.modelKey = modelKey
    self.architecture = architecture
    self.quantization = quantization
    self.contextLength = contextLength
  }
}
