import AtelierCore

/// `POST /api/v0/embeddings` (native.md 12.7): OpenAI's list, with the variant that was used as the model.
package enum LMStudioV0Embeddings {
  package static func body(
    of result: EmbeddingResult, from instance: InstanceSelection, for command: OpenAIEmbeddings.Command
  ) throws(AtelierError) -> JSONValue {
    let variant = instance.quantization.map { "\(instance.modelKey)@\($0.lowercased())" } ?? instance.modelKey
    return try OpenAIEmbeddings.body(of: result, model: variant, for: command)
  }
}
