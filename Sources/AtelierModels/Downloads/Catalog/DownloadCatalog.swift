import AtelierCore
import Foundation

/// Models by id: the built-in ones, and the user's own of `catalog.json`, which win:
///
///     {"models": [{"id": "me/my-model", "repository": "owner/name-GGUF", "recommended": "Q4_K_M"}]}
package struct DownloadCatalog: Sendable {
  private static let longest = 1 << 20

  /// By id.
  package let entries: [CatalogEntry]
  /// For logs: what in the user's file has no effect, and why.
  package let problems: [String]
  private let places: [String: Int]

  /// The built-in entries alone.
  package init() { self.init(own: [], problems: []) }

  /// A missing file adds nothing.
  package init(contentsOf url: URL) {
    let data: Data
    do { data = try Data(contentsOf: url) } catch {
      let isMissing = (error as? CocoaError)?.code == .fileReadNoSuchFile
      self.init(own: [], problems: isMissing ? [] : ["it cannot be read"])
      return
    }
    self.init(parsing: data)
  }

  package init(parsing data: Data) {
    guard data.count <= Self.longest, let value = try? JSONValue(parsing: data),
      let models = value["models"]?.arrayValue
    else {
      self.init(own: [], problems: ["it must be an object with a list of models"])
      return
    }
    var own: [CatalogEntry] = []
    var problems: [String] = []
    for (place, model) in models.enumerated() {
      guard let id = model["id"]?.stringValue, RepositoryName(id) != nil,
        let repository = model["repository"]?.stringValue.flatMap({ RepositoryName($0) })
      else {
        problems.append("models.\(place): 'id' and 'repository' must be publisher/name")
        continue
      }
      let recommended = model["recommended"]?.stringValue ?? "Q4_K_M"
      guard RepositoryName.isSafe(recommended), recommended.utf8.count <= 32 else {
        problems.append("models.\(place): 'recommended' does not name a quantization")
        continue
      }
      own.append(
        CatalogEntry(
          id: id, repository: repository, recommended: recommended.uppercased(),
          approximateBytes: model["size_bytes"]?.integerValue.map(Int64.init),
          kind: model["kind"]?.stringValue.flatMap(CatalogEntry.Kind.init) ?? .llm))
    }
    self.init(own: own, problems: problems)
  }

  private init(own: [CatalogEntry], problems: [String]) {
    var byID = Dictionary(BuiltInModels.all.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
    for entry in own { byID[entry.id] = entry }
    entries = byID.values.sorted { $0.id < $1.id }
    places = Dictionary(uniqueKeysWithValues: entries.enumerated().map { ($1.id, $0) })
    self.problems = problems
  }

  /// In any case.
  package subscript(id: RepositoryName) -> CatalogEntry? { places[id.description.lowercased()].map { entries[$0] } }

  /// Entries whose id or repository holds all the words, the likeliest first: the id itself, then its name, then ids
  /// that begin like that, the shorter before the longer. All of them without a word.
  package func search(_ words: String) -> [CatalogEntry] {
    let words = words.lowercased().split(whereSeparator: { $0.isWhitespace })
    let phrase = words.joined(separator: "-")
    let ranked = entries.compactMap { entry -> (rank: Int, entry: CatalogEntry)? in
      let name = entry.id.split(separator: "/").last ?? ""
      let repository = entry.repository.description.lowercased()
      guard words.allSatisfy({ entry.id.contains($0) || repository.contains($0) }) else { return nil }
      if entry.id == phrase || name == phrase { return (0, entry) }
      if !phrase.isEmpty, entry.id.hasPrefix(phrase) || name.hasPrefix(phrase) { return (1, entry) }
      return (words.allSatisfy { entry.id.contains($0) } ? 2 : 3, entry)
    }
    if words.isEmpty { return entries }
    return ranked.sorted { ($0.rank, $0.entry.id.count, $0.entry.id) < ($1.rank, $1.entry.id.count, $1.entry.id) }
      .map(\.entry)
  }
}
