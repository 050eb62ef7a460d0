import AtelierCore

/// `reasoning_effort`, and its alias `reasoning: {effort}`.
enum OpenAIReasoning {
  private static let efforts: KeyValuePairs<String, ReasoningSetting> = [
    "none": .off, "minimal": .minimal, "low": .low, "medium": .medium, "high": .high, "xhigh": .xhigh, "max": .max,
  ]

  static func read(_ fields: FieldReader) -> ReasoningSetting? {
    if fields.has("reasoning_effort") { return fields.word("reasoning_effort", of: efforts) }
    // Other servers' meanings of `reasoning` are none of ours.
    guard let alias = fields["reasoning"]?.objectValue else { return nil }
    return FieldReader(alias, path: "reasoning", problems: fields.problems).word("effort", of: efforts)
  }
}
