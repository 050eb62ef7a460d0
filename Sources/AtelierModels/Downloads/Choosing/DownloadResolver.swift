import AtelierCore

/// Finds the files that a target stands for (native.md 10.3, 10.7).
struct DownloadResolver: Sendable {
  struct Plan: Sendable {
    var repository: RepositoryName
    var revision: String
    var files: [DownloadFile]
  }

  /// The repository a target means, and what it holds.
  struct Repository: Sendable {
    var name: RepositoryName
    var revision: String
    var listing: [HubFile]
    /// The catalog's recommendation.
    var recommended: String?
  }

  let hub: any ModelHub
  let entries: DownloadCatalog

  /// Throws `hubUnreachable` after the time.
  func plan(for target: DownloadTarget, within limit: Duration) async throws(AtelierError) -> Plan {
    try await Self.within(limit) { () async throws(AtelierError) in try await plan(for: target) }
  }

  /// The repository without a choice of its files. Throws `hubUnreachable` after the time.
  func repository(for target: DownloadTarget, within limit: Duration) async throws(AtelierError) -> Repository {
    try await Self.within(limit) { () async throws(AtelierError) in try await repository(for: target) }
  }

  private static func within<Value: Sendable>(
    _ limit: Duration, _ work: @escaping @Sendable () async throws(AtelierError) -> Value
  ) async throws(AtelierError) -> Value {
    let result = await withTaskGroup(of: Result<Value, AtelierError>?.self) { group in
      group.addTask {
        do throws(AtelierError) { return .success(try await work()) } catch { return .failure(error) }
      }
      group.addTask {
        try? await Task.sleep(for: limit)
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      return first
    }
    guard let result else { throw AtelierError(.hubUnreachable, "The hub did not answer in time.") }
    return try result.get()
  }

  private func plan(for target: DownloadTarget) async throws(AtelierError) -> Plan {
    let found = try await repository(for: target)
    var wanted: (quantization: String?, file: String?)
    switch target {
    case .link(_, _, let file, let quantization): wanted = (quantization, file)
    case .catalog(_, let quantization): wanted = (quantization, nil)
    }
    let selection = try FileSelection(
      from: found.listing, repository: found.name, quantization: wanted.quantization, recommended: found.recommended,
      file: wanted.file)
    if let first = selection.files.last {
      try await hub.checkAccess(to: first, of: found.name, revision: found.revision)
    }
    return Plan(
      repository: found.name, revision: found.revision,
      files: DownloadFile.plan(selection.files, in: found.listing))
  }

  private func repository(for target: DownloadTarget) async throws(AtelierError) -> Repository {
    switch target {
    case .link(let name, let revision, _, _):
      return Repository(name: name, revision: revision, listing: try await hub.files(of: name, revision: revision))
    case .catalog(let id, _):
      var isEmpty: RepositoryName?
      for candidate in candidates(for: id) {
        do throws(AtelierError) {
          let revision = DownloadTarget.mainRevision
          let listing = try await hub.files(of: candidate.name, revision: revision)
          if !FileSelection.choices(in: listing).isEmpty {
            return Repository(
              name: candidate.name, revision: revision, listing: listing, recommended: candidate.recommended)
          }
          isEmpty = isEmpty ?? candidate.name
        } catch {
          // The first to exist with model files wins; what else is wrong is the client's to hear.
          guard error.code == .modelNotFound else { throw error }
        }
      }
      if let isEmpty { throw FileSelection.nothing(in: isEmpty) }
      throw AtelierError(.modelNotFound, "Neither the catalog nor the hub has a model '\(id)'.", param: "model")
    }
  }

  private struct Candidate {
    var name: RepositoryName
    var recommended: String?
  }

  /// What the catalog says, the repository of that very name, then where LM Studio's own conversions are.
  private func candidates(for id: RepositoryName) -> [Candidate] {
    var candidates = [Candidate(name: id)]
    if let entry = entries[id], entry.repository != id {
      candidates.insert(Candidate(name: entry.repository, recommended: entry.recommended), at: 0)
    } else if let entry = entries[id] {
      candidates[0].recommended = entry.recommended
    }
    if let fallback = RepositoryName(owner: "lmstudio-community", name: "\(id.name)-GGUF"),
      !candidates.contains(where: { $0.name == fallback })
    {
      candidates.append(Candidate(name: fallback))
    }
    return candidates
  }
}
