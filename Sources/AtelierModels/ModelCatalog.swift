import AtelierCore
import Foundation

/// What is on disk. Lists are cached; before each answer a status call for every folder and model file shows whether
/// they are still true, and headers are read again only for files that changed.
///
/// Reading blocks, so the actor runs on a queue of its own and not on the shared pool.
package actor ModelCatalog {
  private let roots: [URL]
  private let defaultsFile: URL?
  private let virtualFolder: URL?
  private let memoryBudget: Int64?
  private let executor = QueueExecutor(label: "atelier.models")

  private struct Listing {
    var tree: ModelTree
    var named: VirtualModels
    var defaults: ModelDefaultsFile
    var index: ModelIndex
    /// Of `model.yaml` files, by key.
    var modelDefaults: [String: ModelDefaults]
    var problems: [String]
  }

  private var cache = HeaderCache()
  private var current: Listing?
  private var defaults: (stamp: FileStamp?, file: ModelDefaultsFile)?

  /// - Parameters:
  ///   - roots: the models folder, then further folders; of files in the same place in several, the first root's counts.
  ///   - defaultsFile: `model-defaults.json`.
  ///   - virtualFolder: where `model.yaml` files lie, as `<publisher>/<name>/model.yaml`.
  ///   - memoryBudget: bytes that a model may take when a bare key chooses among variants; nil: any.
  package init(
    roots: [URL], defaultsFile: URL? = nil, virtualFolder: URL? = nil, memoryBudget: Int64? = nil
  ) {
    self.roots = roots
    self.defaultsFile = defaultsFile
    self.virtualFolder = virtualFolder
    self.memoryBudget = memoryBudget
  }

  package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// The models as they are on disk now.
  package func index() -> ModelIndex { listing().index }

  private func listing() -> Listing {
    let users = defaultsNow()
    if let current, current.defaults == users, current.tree.isCurrent, current.named.isCurrent { return current }
    let tree = ModelTree(roots: roots)
    let named = virtualFolder.map { VirtualModels(folder: $0) } ?? VirtualModels()
    let outcome = ModelScanner(memoryBudget: memoryBudget).scan(tree, cache: &cache)
    let applied = named.applied(to: outcome.models)
    let models = applied.models.map { Self.described($0, by: users.defaults(for: $0)) }
    let listing = Listing(
      tree: tree, named: named, defaults: users, index: ModelIndex(models: models, skipped: outcome.skipped),
      modelDefaults: applied.defaults, problems: users.problems + applied.problems)
    current = listing
    return listing
  }

  /// A template of the user's own decides what the model can do.
  private static func described(_ model: ModelDescription, by defaults: ModelDefaults) -> ModelDescription {
    guard let template = defaults.chatTemplate, model.kind == .llm else { return model }
    var model = model
    let traits = TemplateTraits(template: template)
    model.capabilities.trainedForToolUse = traits.handlesTools
    model.capabilities.reasoning = traits.reasoning
    return model
  }

  /// Language models first, then by key.
  package func models() -> [ModelDescription] { index().models }

  package func resolve(_ name: String) -> ModelIndex.Match? { index().resolve(name) }

  package func suggestions(for name: String) -> [String] { index().suggestions(for: name) }

  /// Files that are not listed, and why.
  package func skipped() -> [SkippedFile] { index().skipped }

  /// What loading the variant would take; nil when its file is gone.
  package func memoryEstimate(
    for variant: ModelVariant, kind: ModelKind = .llm, configuration: LoadConfiguration
  ) -> MemoryEstimate? {
    _ = index()
    guard let path = variant.files.first, let header = cache.header(ofFileAt: path) else { return nil }
    return .estimate(
      kind: kind, weights: variant.sizeBytes, geometry: header.geometry, configuration: configuration)
  }

  /// nil when the variant's file is gone.
  package func vocabulary(of variant: ModelVariant) -> ModelVocabulary? {
    _ = index()
    return variant.files.first.flatMap { cache.header(ofFileAt: $0) }?.vocabulary
  }

  /// What the user set for the model, then what its `model.yaml` says, then what its file advises (native.md 16.3).
  package func defaults(forKey key: String) -> ModelDefaults {
    let listing = listing()
    guard let model = listing.index.models.first(where: { $0.key.lowercased() == key.lowercased() }) else {
      return listing.defaults.defaults(forKey: key)
    }
    var advised = ModelDefaults()
    if let path = model.selected.files.first, let header = cache.header(ofFileAt: path) {
      advised.sampling = header.sampling
    }
    return listing.defaults.defaults(for: model)
      .filled(from: (listing.modelDefaults[model.key] ?? ModelDefaults()).filled(from: advised))
  }

  /// What `model-defaults.json` and `model.yaml` files say that has no effect, for logs.
  package func problems() -> [String] { listing().problems }

  /// Headers read from disk so far.
  package var headersRead: Int { cache.reads }

  private func defaultsNow() -> ModelDefaultsFile {
    guard let defaultsFile else { return ModelDefaultsFile() }
    let stamp = FileStamp(path: defaultsFile.path(percentEncoded: false))
    if let defaults, defaults.stamp == stamp { return defaults.file }
    let file = ModelDefaultsFile(contentsOf: defaultsFile)
    defaults = (stamp, file)
    return file
  }
}
