package enum ModelKind: String, Sendable, Hashable, Codable { case llm, embedding }
