/// What a model makes: text, or vectors (rerankers too). The raw values are those of the native API.
package enum ModelKind: String, Sendable, Hashable, Codable { case llm, embedding }
