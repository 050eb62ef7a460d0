import AtelierCore
import Foundation

/// The `model.yaml` files of a folder, `<folder>/<publisher>/<name>/model.yaml`, and what they make of the models on disk.
struct VirtualModels: Sendable {
  /// Names that lead to names at most.
  private static let longestChain = 8
  private static let most = 1000

  private(set) var models: [VirtualModel] = []
  /// For logs: files without effect and why.
  private(set) var problems: [String] = []
  private var stamps: [String: FileStamp?] = [:]
  private var isSettled = true

  /// Nothing is named.
  init() {}

  init(folder: URL, now: Date = Date()) {
    let root = folder.path(percentEncoded: false)
    let path = root.count > 1 && root.hasSuffix("/") ? String(root.dropLast()) : root
    for publisher in list(path) {
      for name in list("\(path)/\(publisher)") {
        let file = "\(path)/\(publisher)/\(name)/model.yaml"
        let stamp = FileStamp(path: file)
        stamps["\(path)/\(publisher)/\(name)"] = FileStamp(path: "\(path)/\(publisher)/\(name)")
        guard let stamp, !stamp.isFolder, models.count < Self.most else { continue }
        stamps[file] = stamp
        read(file, expected: "\(publisher)/\(name)", size: stamp.size)
      }
    }
    isSettled = FileStamp.areSettled(stamps.values, now: now)
  }

  /// Cheap: one status call for each folder and file.
  var isCurrent: Bool { isSettled && stamps.allSatisfy { path, stamp in FileStamp(path: path) == stamp } }

  private mutating func list(_ path: String) -> [String] {
    stamps[path] = FileStamp(path: path)
    guard stamps[path]??.isFolder == true, let names = try? FileManager.default.contentsOfDirectory(atPath: path) else {
      return []
    }
    return names.filter { !$0.hasPrefix(".") }.sorted()
  }

  private mutating func read(_ path: String, expected: String, size: Int64) {
    guard size <= 256 << 10, let data = FileManager.default.contents(atPath: path),
      let text = String(validating: data, as: UTF8.self)
    else {
      problems.append("\(expected)/model.yaml: cannot be read, or is larger than 256 KiB")
      return
    }
    do {
      let model = try VirtualModel(YAMLReader.value(of: text))
      guard model.name.lowercased() == expected.lowercased() else {
        problems.append("\(expected)/model.yaml: names another model, '\(model.name)'")
        return
      }
      problems += model.problems.map { "\(expected)/model.yaml: \($0)" }
      models.append(model)
    } catch let error as YAMLError {
      problems.append("\(expected)/model.yaml: \(error)")
    } catch let fault as VirtualModel.Fault {
      problems.append("\(expected)/model.yaml: \(fault.reason)")
    } catch {
      problems.append("\(expected)/model.yaml: cannot be read")
    }
  }

  struct Outcome {
    /// Language models first, then by key.
    var models: [ModelDescription]
    /// By key.
    var defaults: [String: ModelDefaults]
    var problems: [String]
  }

  /// The list with virtual models in place of the files they name. A file that none names stays as it is.
  func applied(to onDisk: [ModelDescription]) -> Outcome {
    var outcome = Outcome(models: onDisk, defaults: [:], problems: problems)
    guard !models.isEmpty else { return outcome }
    let byName = Dictionary(models.map { ($0.name.lowercased(), $0) }, uniquingKeysWith: { first, _ in first })
    var places: [String: Int] = [:]
    for (place, model) in onDisk.enumerated() {
      for name in [model.key, "\(model.publisher)/\(model.repository)"] where places[name.lowercased()] == nil {
        places[name.lowercased()] = place
      }
    }
    var replaced: Set<Int> = []
    var named: [ModelDescription] = []
    for model in models {
      guard let chain = chain(from: model, byName) else {
        outcome.problems.append("\(model.name)/model.yaml: its base leads in a circle or nowhere")
        continue
      }
      // The innermost knows the files.
      guard case .repositories(let repositories)? = chain.last?.base,
        let place = repositories.lazy.compactMap({ places[$0.lowercased()] }).first
      else { continue }
      replaced.insert(place)
      var description = onDisk[place]
      var defaults = ModelDefaults()
      for link in chain.reversed() {
        description = link.applied(to: description)
        defaults = link.defaults.filled(from: defaults)
      }
      outcome.defaults[description.key] = defaults
      named.append(description)
    }
    outcome.models = onDisk.enumerated().filter { !replaced.contains($0.offset) }.map(\.element) + named
    outcome.models.sort { ($0.kind == .llm ? 0 : 1, $0.key) < ($1.kind == .llm ? 0 : 1, $1.key) }
    return outcome
  }

  /// The model, its base, the base's base…; nil when that never comes to files.
  private func chain(from model: VirtualModel, _ byName: [String: VirtualModel]) -> [VirtualModel]? {
    var chain = [model]
    while case .named(let base)? = chain.last?.base {
      guard chain.count < Self.longestChain, let next = byName[base.lowercased()] else { return nil }
      chain.append(next)
    }
    return chain
  }
}
