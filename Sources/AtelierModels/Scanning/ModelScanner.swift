import AtelierCore
import Foundation

/// Turns the files of models folders into the list of models (native.md 7 and 15). One bad file costs only itself.
struct ModelScanner {
  /// Bytes a model may take; nil: any.
  var memoryBudget: Int64?

  struct Outcome: Sendable {
    var models: [ModelDescription]
    var skipped: [SkippedFile]
  }

  func scan(_ tree: ModelTree, cache: inout HeaderCache) -> Outcome {
    cache.removeAll(except: Set(tree.files.map(\.path)))
    var assembly = ModelAssembly(memoryBudget: memoryBudget, skipped: tree.problems)
    for folder in Self.grouped(tree.files, by: \.folder) {
      var projectors: [(file: ModelTree.File, hasVision: Bool)] = []
      var parts: [ModelPart] = []
      for choice in Self.grouped(folder, by: Self.shardGroup) {
        switch part(of: choice, cache: &cache) {
        case .success(let part) where part.isProjector:
          projectors.append((part.files[0], part.header.hasVisionEncoder ?? true))
        case .success(let part): parts.append(part)
        case .failure(let fault): assembly.skip(choice[0], fault.reason)
        }
      }
      let projector = projectors.min {
        QuantizationName.projectorPreference(of: $0.file.name.quantization)
          < QuantizationName.projectorPreference(of: $1.file.name.quantization)
      }
      for part in parts { assembly.add(part, projector: projector?.file, hasVision: projector?.hasVision ?? false) }
    }
    return assembly.finish()
  }

  private struct Fault: Error { var reason: SkippedFile.Reason }

  /// The files that are loaded together: one file, or all shards in order.
  private func part(of choice: [ModelTree.File], cache: inout HeaderCache) -> Result<ModelPart, Fault> {
    let files = choice.sorted { ($0.name.shard?.number ?? 0) < ($1.name.shard?.number ?? 0) }
    if let count = files[0].name.shard?.count, files.count != count {
      return .failure(Fault(reason: .missingShards(have: files.count, of: count)))
    }
    var first: HeaderCache.Entry?
    var parameters: Int64 = 0
    var experts: Int64 = 0
    for (place, file) in files.enumerated() {
      switch cache.entry(for: file) {
      case .failure(let error): return .failure(Fault(reason: .header(error)))
      case .success(let entry):
        if entry.header.splitCount > 1, entry.header.splitCount != files.count || entry.header.splitNumber != place {
          return .failure(
            Fault(
              reason: entry.header.splitCount > files.count
                ? .missingShards(have: files.count, of: entry.header.splitCount) : .mixedShards))
        }
        if first == nil { first = entry }
        parameters = parameters.addingSaturating(entry.header.parameterCount)
        experts = experts.addingSaturating(entry.header.expertParameterCount)
      }
    }
    guard let first else { return .failure(Fault(reason: .noModel)) }
    let part = ModelPart(
      files: files, header: first.header, traits: first.traits, parameters: parameters, expertParameters: experts)
    return part.isListable || part.isProjector ? .success(part) : .failure(Fault(reason: .noModel))
  }

  private static func shardGroup(_ file: ModelTree.File) -> String {
    guard let shard = file.name.shard else { return file.fileName }
    return "\(file.name.base)\n\(file.name.quantization ?? "")\n\(shard.count)"
  }

  /// In the order of first appearance.
  private static func grouped(_ files: [ModelTree.File], by key: (ModelTree.File) -> String) -> [[ModelTree.File]] {
    var places: [String: Int] = [:]
    var groups: [[ModelTree.File]] = []
    for file in files {
      let key = key(file)
      if let place = places[key] {
        groups[place].append(file)
      } else {
        places[key] = groups.count
        groups.append([file])
      }
    }
    return groups
  }
}
