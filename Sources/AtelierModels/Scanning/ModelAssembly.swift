import AtelierCore

/// Collects loadable choices into models with variants and settles keys that collide.
struct ModelAssembly {
  private struct Draft {
    var base: String
    var publisher: String
    var repository: String
    var kind: ModelKind
    /// The first root that holds a file of it.
    var root: Int
    var choices: [Choice] = []
  }

  private struct Choice {
    var part: ModelPart
    var projector: ModelTree.File?
    var hasVision: Bool
    var size: Int64 { part.sizeBytes + (projector?.stamp.size ?? 0) }
  }

  private struct Identity: Hashable {
    var publisher: String
    var repository: String
    var key: String
  }

  private let memoryBudget: Int64?
  private var skipped: [SkippedFile]
  private var drafts: [Identity: Draft] = [:]

  init(memoryBudget: Int64?, skipped: [SkippedFile]) {
    self.memoryBudget = memoryBudget
    self.skipped = skipped
  }

  mutating func skip(_ file: ModelTree.File, _ reason: SkippedFile.Reason) {
    skipped.append(SkippedFile(relativePath: file.relativePath, reason: reason))
  }

  /// Of several files with the same model and quantization the first stays.
  mutating func add(_ part: ModelPart, projector: ModelTree.File?, hasVision: Bool) {
    let first = part.files[0]
    let identity = Identity(publisher: first.publisher, repository: first.repository, key: part.key)
    var draft =
      drafts[identity]
      ?? Draft(
        base: part.base, publisher: first.publisher, repository: first.repository, kind: part.kind, root: first.root)
    if let other = draft.choices.first(where: { $0.part.quantizationName == part.quantizationName }) {
      return skip(first, .duplicate(of: other.part.files[0].relativePath))
    }
    let projector = part.kind == .llm ? projector : nil
    draft.choices.append(Choice(part: part, projector: projector, hasVision: projector != nil && hasVision))
    drafts[identity] = draft
  }

  /// Language models first, then by key.
  func finish() -> ModelScanner.Outcome {
    let claims = Dictionary(grouping: drafts.keys, by: \.key)
    let models = drafts.map { identity, draft in
      model(draft, key: uniqueKey(identity, among: claims[identity.key] ?? []))
    }
    return ModelScanner.Outcome(
      models: models.sorted { ($0.kind == .llm ? 0 : 1, $0.key) < ($1.kind == .llm ? 0 : 1, $1.key) },
      skipped: skipped.sorted { $0.relativePath < $1.relativePath })
  }

  /// The key, or with as much of the path before it as tells it apart. A further folder never renames what an earlier one
  /// holds: there the key stays with its only claimant.
  private func uniqueKey(_ identity: Identity, among rivals: [Identity]) -> String {
    let roots = rivals.map { drafts[$0]?.root ?? 0 }
    let first = roots.min() ?? 0
    if drafts[identity]?.root == first, roots.filter({ $0 == first }).count == 1 { return identity.key }
    let publisher = ModelFileName.key(from: identity.publisher)
    let sharesPublisher = rivals.filter { ModelFileName.key(from: $0.publisher) == publisher }.count > 1
    return sharesPublisher
      ? "\(publisher)/\(ModelFileName.key(from: identity.repository))/\(identity.key)" : "\(publisher)/\(identity.key)"
  }

  private func model(_ draft: Draft, key: String) -> ModelDescription {
    let choices = draft.choices.sorted {
      (QuantizationName.preference(of: $0.part.quantizationName), $0.size, $0.part.files[0].fileName)
        < (QuantizationName.preference(of: $1.part.quantizationName), $1.size, $1.part.files[0].fileName)
    }
    let selected = selection(among: choices)
    let part = choices[selected].part
    let header = part.header
    return ModelDescription(
      key: key, kind: draft.kind, publisher: draft.publisher, repository: draft.repository,
      displayName: Self.displayName(header.name, base: draft.base), architecture: header.architecture,
      parameters: ParameterText.text(
        label: header.sizeLabel, total: part.parameters, experts: part.expertParameters, geometry: header.geometry),
      maxContextLength: header.contextLength ?? Self.unknownContextLength,
      capabilities: draft.kind == .embedding
        ? ModelCapabilities()
        : ModelCapabilities(
          vision: choices.contains(where: \.hasVision), trainedForToolUse: part.traits.handlesTools,
          reasoning: part.traits.reasoning), hasExperts: header.geometry.expertCount > 0,
      variants: choices.map { variant($0, key: key) }, selectedVariant: selected)
  }

  /// For the few files that do not say what they were trained for.
  private static let unknownContextLength = 4096

  /// The first in order of preference that fits the memory, else the smallest.
  private func selection(among choices: [Choice]) -> Int {
    guard let memoryBudget else { return 0 }
    let fitting = choices.firstIndex { choice in
      let context = min(4096, choice.part.header.contextLength ?? Self.unknownContextLength)
      let estimate = MemoryEstimate.estimate(
        kind: choice.part.kind, weights: choice.size, geometry: choice.part.header.geometry,
        configuration: LoadConfiguration(contextLength: context))
      return estimate.total <= memoryBudget
    }
    return fitting ?? choices.indices.min { choices[$0].size < choices[$1].size } ?? 0
  }

  private func variant(_ choice: Choice, key: String) -> ModelVariant {
    let files = choice.part.files
    let quantization = choice.part.quantizationName
    let newest = (files + [choice.projector].compactMap(\.self)).map(\.stamp.modified).max() ?? 0
    return ModelVariant(
      name: quantization.map { "\(key)@\($0.lowercased())" } ?? key,
      quantization: QuantizationName.quantization(named: quantization), files: files.map(\.path),
      projector: choice.projector?.path, sizeBytes: choice.size, modified: newest / 1_000_000_000,
      relativePath: files[0].relativePath)
  }

  /// The file's own name for the model, else its file name with spaces.
  private static func displayName(_ name: String?, base: String) -> String {
    let name = (name ?? "").split(whereSeparator: { $0.isWhitespace || $0.unicodeScalars.contains { $0.value < 0x20 } })
      .joined(separator: " ").prefix(128)
    if !name.isEmpty { return String(name) }
    return base.split(whereSeparator: { "-_ ".contains($0) }).joined(separator: " ")
  }
}
