import AtelierCore

/// Which files of a repository make up the model that was asked for (native.md 10.8).
package struct FileSelection: Sendable, Hashable {
  /// In the order they are fetched: the projector first, so that a model is complete when it appears.
  package let files: [HubFile]
  package let quantization: String?

  /// One loadable choice: a file, or all shards of one in their order.
  struct Choice: Sendable, Hashable {
    var quantization: String?
    var files: [HubFile]
    /// Saturating, whatever the hub says.
    var size: Int64 { files.map(\.size).saturatingSum }
  }

  /// - Parameters:
  ///   - file: a path that pins the choice; one shard of several stands for all.
  ///   - quantization: in any case.
  ///   - recommended: taken when no quantization is given and the repository has it.
  /// Throws `noCompatibleFiles`, or `invalidValue` that lists what there is.
  package init(
    from listing: [HubFile], repository: RepositoryName, quantization: String? = nil, recommended: String? = nil,
    file: String? = nil
  ) throws(AtelierError) {
    let choices = Self.choices(in: listing)
    guard !choices.isEmpty else { throw Self.nothing(in: repository) }
    let chosen: Choice
    if let file {
      guard let choice = choices.first(where: { $0.files.contains { $0.path == file } }) else {
        throw AtelierError(
          .modelNotFound, "The repository \(repository) has no model file of that name.", param: "model")
      }
      chosen = choice
    } else if let quantization {
      guard let choice = choices.filter({ Self.matches($0.quantization, quantization) }).min(by: { $0.size < $1.size })
      else {
        let available = Set(choices.compactMap(\.quantization)).sorted()
        throw AtelierError(
          .invalidValue,
          "The repository \(repository) has no quantization '\(quantization)'. Available: "
            + (available.isEmpty ? "none by name" : available.prefix(64).joined(separator: ", ")) + ".",
          param: "quantization")
      }
      chosen = choice
    } else {
      chosen = Self.preferred(among: choices, recommended: recommended) ?? choices[0]
    }
    files = (Self.projector(in: listing).map { [$0] } ?? []) + chosen.files
    self.quantization = chosen.quantization
  }

  static func nothing(in repository: RepositoryName) -> AtelierError {
    AtelierError(.noCompatibleFiles, "The repository \(repository) holds no complete GGUF model.", param: "model")
  }

  /// What can be loaded of a repository, in its order.
  static func choices(in listing: [HubFile]) -> [Choice] { choices(named(listing).filter { !$0.name.isProjector }) }

  /// The projector that goes with whatever is chosen.
  static func projector(in listing: [HubFile]) -> HubFile? {
    named(listing).filter(\.name.isProjector).min {
      let left = QuantizationName.projectorPreference(of: $0.name.quantization)
      let right = QuantizationName.projectorPreference(of: $1.name.quantization)
      return (left, $0.file.path) < (right, $1.file.path)
    }?.file
  }

  /// What is taken when nothing is asked for.
  static func preferred(among choices: [Choice], recommended: String?) -> Choice? {
    let wanted = choices.filter { choice in recommended.map { matches(choice.quantization, $0) } ?? false }
    return wanted.min { $0.size < $1.size } ?? choices.min(by: isPreferred)
  }

  private static func named(_ listing: [HubFile]) -> [(file: HubFile, name: ModelFileName)] {
    listing.compactMap { file in
      isSafe(file.path) ? ModelFileName(file.fileName).map { (file: file, name: $0) } : nil
    }
  }

  private static func isPreferred(_ left: Choice, _ right: Choice) -> Bool {
    let places = (
      QuantizationName.preference(of: left.quantization), QuantizationName.preference(of: right.quantization)
    )
    return (places.0, left.size, left.files[0].path) < (places.1, right.size, right.files[0].path)
  }

  private static func matches(_ have: String?, _ wanted: String) -> Bool {
    guard let have = have?.uppercased() else { return false }
    let wanted = wanted.uppercased()
    return have == wanted || (have.hasPrefix("UD-") && have.dropFirst(3) == wanted)
  }

  /// Incomplete sets of shards are no choice. A quantization may stand in the folder's name instead of the file's.
  private static func choices(_ files: [(file: HubFile, name: ModelFileName)]) -> [Choice] {
    var groups: [String: [(file: HubFile, name: ModelFileName)]] = [:]
    var order: [String] = []
    for entry in files {
      let folder = entry.file.path.dropLast(entry.file.fileName.count)
      let group =
        entry.name.shard.map { "\(folder)\n\(entry.name.base)\n\(entry.name.quantization ?? "")\n\($0.count)" }
        ?? entry.file.path
      if groups[group] == nil { order.append(group) }
      groups[group, default: []].append(entry)
    }
    return order.compactMap { key in
      guard let group = groups[key]?.sorted(by: { ($0.name.shard?.number ?? 0) < ($1.name.shard?.number ?? 0) }),
        let first = group.first
      else { return nil }
      if let shard = first.name.shard, group.map({ $0.name.shard?.number ?? 0 }) != Array(1...shard.count) {
        return nil
      }
      return Choice(
        quantization: first.name.quantization ?? folderQuantization(first.file.path), files: group.map(\.file))
    }
  }

  private static func folderQuantization(_ path: String) -> String? {
    path.split(separator: "/").dropLast().reversed().lazy.compactMap { ModelFileName("\($0).gguf")?.quantization }.first
  }

  /// The hub's names are data: no empty, hidden or parent parts, nothing that a file system or a terminal gives a meaning.
  static func isSafe(_ path: String) -> Bool {
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    return path.utf8.count <= 512 && parts.count <= 4
      && parts.allSatisfy { part in
        (1...200).contains(part.utf8.count) && !part.hasPrefix(".")
          && part.unicodeScalars.allSatisfy { scalar in
            scalar.value >= 0x20 && scalar.value != 0x7F && !"\\:*?\"<>|".unicodeScalars.contains(scalar)
              && scalar.properties.generalCategory != .control && scalar.properties.generalCategory != .format
          }
      }
  }
}
