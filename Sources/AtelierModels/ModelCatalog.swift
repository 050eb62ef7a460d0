import AtelierCore
import Dispatch
import Foundation

/// What is on disk. Lists are cached; before each answer a status call for every folder and model file shows whether
/// they are still true, and headers are read again only for files that changed.
///
/// Reading blocks, so the actor runs on a queue of its own and not on the shared pool.
package actor ModelCatalog {
  private let roots: [URL]
  private let defaultsFile: URL?
  private let memoryBudget: Int64?
  private let executor = QueueExecutor(label: "atelier.models")

  private var cache = HeaderCache()
  private var current: (tree: ModelTree, index: ModelIndex)?
  private var defaults: (stamp: FileStamp?, file: ModelDefaultsFile)?

  /// - Parameters:
  ///   - roots: models folders; of files in the same place in several, the first root's counts.
  ///   - defaultsFile: `model-defaults.json`.
  ///   - memoryBudget: bytes that a model may take when a bare key chooses among variants; nil: any.
  package init(roots: [URL], defaultsFile: URL? = nil, memoryBudget: Int64? = nil) {
    self.roots = roots
    self.defaultsFile = defaultsFile
    self.memoryBudget = memoryBudget
  }

  package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  /// The models as they are on disk now.
  package func index() -> ModelIndex {
    if let current, current.tree.isCurrent { return current.index }
    let tree = ModelTree(roots: roots)
    let outcome = ModelScanner(memoryBudget: memoryBudget).scan(tree, cache: &cache)
    let index = ModelIndex(models: outcome.models, skipped: outcome.skipped)
    current = (tree, index)
    return index
  }

  /// Language models first, then by key.
  package func models() -> [ModelDescription] { index().models }

  package func resolve(_ name: String) -> ModelIndex.Match? { index().resolve(name) }

  package func suggestions(for name: String) -> [String] { index().suggestions(for: name) }

  /// Files that are not listed, and why.
  package func skipped() -> [SkippedFile] { index().skipped }

  /// What loading the variant would take; nil when its file is gone.
  package func memoryEstimate(
    for variant: ModelVariant, configuration: LoadConfiguration
  ) -> MemoryEstimate? {
    _ = index()
    guard let path = variant.files.first, let header = cache.header(ofFileAt: path) else { return nil }
    return .estimate(weights: variant.sizeBytes, geometry: header.geometry, configuration: configuration)
  }

  /// What the user set for the model; empty where nothing is.
  package func defaults(forKey key: String) -> ModelDefaults { defaultsNow().defaults(forKey: key) }

  /// What `model-defaults.json` says that has no effect, for logs.
  package func defaultsProblems() -> [String] { defaultsNow().problems }

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

/// Runs an actor's jobs on a serial queue.
final class QueueExecutor: SerialExecutor {
  private let queue: DispatchQueue

  init(label: String) { queue = DispatchQueue(label: label) }

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedSerialExecutor()) }
  }
}
