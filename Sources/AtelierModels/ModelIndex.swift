import AtelierCore

/// The models on disk at one moment, and which of them a name means.
package struct ModelIndex: Sendable {
  /// Language models first, then by key.
  package let models: [ModelDescription]
  /// Files that are not listed, by path; for logs.
  package let skipped: [SkippedFile]

  /// A model and the place of the variant that the name chose; the selected one for a bare key.
  package typealias Match = (model: ModelDescription, variant: Int)

  private struct Target {
    var model: Int
    var variant: Int
  }

  private let exact: [String: Target]
  /// nil where several names differ only in case.
  private let folded: [String: Target?]
  /// By what follows the last `/`, folded; nil where several models share it.
  private let tails: [String: Target?]

  package init(models: [ModelDescription], skipped: [SkippedFile] = []) {
    self.models = models
    self.skipped = skipped
    var exact: [String: Target] = [:]
    var tails: [String: Target?] = [:]
    // In falling precedence (native.md 15.4): keys, variants, repositories, files, former names.
    for level in 0..<5 {
      var found: [String: Target?] = [:]
      for (place, model) in models.enumerated() {
        for (name, variant) in Self.names(of: model, level: level) {
          let target = Target(model: place, variant: variant)
          Self.note(name, target, in: &found)
          if level < 2 { Self.note(Self.tail(name), target, in: &tails) }
        }
      }
      for case (let name, let target?) in found where exact[name] == nil { exact[name] = target }
    }
    var folded: [String: Target?] = [:]
    for (name, target) in exact { Self.note(name.lowercased(), target, in: &folded) }
    self.exact = exact
    self.folded = folded
    self.tails = tails
  }

  private static func names(of model: ModelDescription, level: Int) -> [(String, Int)] {
    switch level {
    case 0: [(model.key, model.selectedVariant)]
    case 1: model.variants.enumerated().filter { $1.name != model.key }.map { ($1.name, $0) }
    case 2: [("\(model.publisher)/\(model.repository)", model.selectedVariant)]
    case 3: model.variants.enumerated().map { ($1.relativePath, $0) }
    default:
      model.aliases.flatMap { alias in
        [(alias, model.selectedVariant)]
          + model.variants.enumerated().compactMap { place, variant in
            variant.name.lastIndex(of: "@").map { (alias + variant.name[$0...], place) }
          }
      }
    }
  }

  /// A second, different target makes the name ambiguous.
  private static func note(_ name: String, _ target: Target, in names: inout [String: Target?]) {
    switch names[name] {
    case nil: names[name] = .some(target)
    case .some(let known?) where known.model != target.model || known.variant != target.variant:
      names[name] = .some(nil)
    default: break
    }
  }

  private static func tail(_ name: String) -> String {
    String(name.lowercased().split(separator: "/").last ?? "")
  }

  /// Exactly, then in any case, then as the only model whose key ends in what follows the name's last `/`
  /// (native.md 15.4, openai.md 5). Names over 1,024 bytes are unknown.
  package func resolve(_ name: String) -> Match? {
    guard name.utf8.count <= 1024 else { return nil }
    let target = exact[name] ?? folded[name.lowercased()] ?? tails[Self.tail(name)] ?? nil
    return target.map { (models[$0.model], $0.variant) }
  }

  /// Up to three keys that the writer of `name` may have meant, best first.
  package func suggestions(for name: String) -> [String] {
    let wanted = Array(Self.tail(String(name.prefix(128))).unicodeScalars.prefix(128))
    guard !wanted.isEmpty else { return [] }
    let text = String(String.UnicodeScalarView(wanted))
    let scored: [(score: Double, key: String)] = models.compactMap { model in
      let key = Self.tail(model.key)
      if key.contains(text) || text.contains(key) { return (0, model.key) }
      let scalars = Array(key.unicodeScalars.prefix(128))
      let score = Double(Self.distance(wanted, scalars)) / Double(max(wanted.count, scalars.count))
      return score <= 0.5 ? (score, model.key) : nil
    }
    return scored.sorted { ($0.score, $0.key) < ($1.score, $1.key) }.prefix(3).map(\.key)
  }

  /// Levenshtein's.
  private static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
    var row = Array(0...right.count)
    for (place, scalar) in left.enumerated() {
      var diagonal = row[0]
      row[0] = place + 1
      for (column, other) in right.enumerated() {
        let above = row[column + 1]
        row[column + 1] = min(above + 1, row[column] + 1, diagonal + (scalar == other ? 0 : 1))
        diagonal = above
      }
    }
    return row[right.count]
  }
}
