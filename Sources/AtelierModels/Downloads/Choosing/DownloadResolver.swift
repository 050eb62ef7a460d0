import AtelierCore

/// Finds the files that a target stands for (native.md 10.3, 10.7).
struct DownloadResolver: Sendable {
  struct Plan: Sendable {
    var repository: RepositoryName
    var revision: String
    var files: [DownloadFile]
  }

  let hub: any ModelHub
  let entries: DownloadCatalog

  /// Throws `hubUnreachable` after the time.
  func plan(for target: DownloadTarget, within limit: Duration) async throws(AtelierError) -> Plan {
    let result = await withTaskGroup(of: Result<Plan, AtelierError>?.self) { group in
      group.addTask {
        do throws(AtelierError) { return .success(try await plan(for: target)) } catch { return .failure(error) }
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
    switch target {
    case .link(let repository, let revision, let file, let quantization):
      let listing = try await hub.files(of: repository, revision: revision)
      return try await plan(repository, revision, listing, quantization: quantization, file: file)
    case .catalog(let id, let quantization):
      var failure: AtelierError?
      for candidate in candidates(for: id) {
        do throws(AtelierError) {
          let listing = try await hub.files(of: candidate.repository, revision: DownloadTarget.mainRevision)
          return try await plan(
            candidate.repository, DownloadTarget.mainRevision, listing,
            quantization: quantization ?? candidate.recommended)
        } catch {
          // The first to exist with model files wins; what else is wrong is the client's to hear.
          guard [.modelNotFound, .noCompatibleFiles].contains(error.code) else { throw error }
          if failure == nil || error.code == .noCompatibleFiles { failure = error }
        }
      }
      throw failure?.code == .noCompatibleFiles
        ? failure ?? unknown(id) : unknown(id)
    }
  }

  private func unknown(_ id: RepositoryName) -> AtelierError {
    AtelierError(.modelNotFound, "Neither the catalog nor the hub has a model '\(id)'.", param: "model")
  }

  private struct Candidate {
    var repository: RepositoryName
    var recommended: String?
  }

  private func candidates(for id: RepositoryName) -> [Candidate] {
    if let entry = entries[id] {
      return [Candidate(repository: entry.repository, recommended: entry.recommended)]
    }
    let fallback = RepositoryName(owner: "lmstudio-community", name: "\(id.name)-GGUF")
    return [Candidate(repository: id)] + (fallback.map { [Candidate(repository: $0)] } ?? [])
  }

  private func plan(
    _ repository: RepositoryName, _ revision: String, _ listing: [HubFile], quantization: String?, file: String? = nil
  ) async throws(AtelierError) -> Plan {
    let selection = try FileSelection(from: listing, repository: repository, quantization: quantization, file: file)
    if let first = selection.files.last { try await hub.checkAccess(to: first, of: repository, revision: revision) }
    return Plan(
      repository: repository, revision: revision, files: DownloadFile.plan(selection.files, in: listing))
  }
}
