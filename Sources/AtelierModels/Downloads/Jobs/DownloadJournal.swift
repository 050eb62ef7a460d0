import AtelierCore
import Foundation

/// The jobs on disk: `downloads.json`, replaced as a whole at every change of state, so that a restart knows them.
package struct DownloadJournal: Sendable {
  private static let version: Int64 = 1
  private static let longest = 8 << 20
  private let url: URL
  private let calls: FileCalls

  package init(at url: URL, calls: FileCalls = .system) {
    self.url = url
    self.calls = calls
  }

  /// A journal that cannot be read is put aside and an empty one begun: part files stay, and a new request finds them.
  package func load() -> [DownloadJob] {
    guard let data = try? Data(contentsOf: url) else { return [] }
    guard data.count <= Self.longest, let value = try? JSONValue(parsing: data),
      value["version"] == .integer(Self.version), let entries = value["jobs"]?.arrayValue
    else {
      let aside = url.appendingPathExtension("damaged")
      try? FileManager.default.removeItem(at: aside)
      try? FileManager.default.moveItem(at: url, to: aside)
      return []
    }
    return entries.compactMap(Self.job)
  }

  /// Durable when it returns.
  package func save(_ jobs: [DownloadJob]) throws(AtelierError) {
    let value: JSONValue = ["version": .integer(Self.version), "jobs": .array(jobs.map(Self.entry))]
    var bytes: [UInt8] = []
    value.write(into: &bytes)
    let path = url.path(percentEncoded: false)
    let temporary = path + ".new"
    let descriptor = calls.open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
    guard descriptor >= 0 else { throw Self.failed() }
    defer { close(descriptor) }
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes {
        calls.write(descriptor, UnsafeRawBufferPointer(rebasing: $0[written...]), at: Int64(written))
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw Self.failed() }
      written += count
    }
    guard calls.sync(descriptor) == 0, calls.rename(temporary, path) == 0 else { throw Self.failed() }
    calls.syncFolder(url.deletingLastPathComponent().path(percentEncoded: false))
  }

  private static func failed() -> AtelierError {
    errno == ENOSPC || errno == EDQUOT
      ? AtelierError(.insufficientDiskSpace, "The disk is full; the download cannot be recorded.")
      : AtelierError(.internalError, "The download cannot be recorded.")
  }

  // MARK: Format

  private static func entry(_ job: DownloadJob) -> JSONValue {
    var entry: JSONObject = [
      "id": .string(job.id), "repository": .string(job.repository.description), "revision": .string(job.revision),
      "started_at": .integer(job.startedAt), "bytes": .integer(job.bytesOnDisk),
    ]
    switch job.state {
    case .queued, .running: entry["state"] = "running"
    case .paused: entry["state"] = "paused"
    case .completed: entry["state"] = "completed"
    case .failed(let error):
      entry["state"] = "failed"
      entry["error"] = ["code": .string(error.code.rawValue), "message": .string(error.message)]
    }
    if let completedAt = job.completedAt { entry["completed_at"] = .integer(completedAt) }
    if let modelKey = job.modelKey { entry["model_key"] = .string(modelKey) }
    entry["files"] = .array(
      job.files.map { file in
        var entry: JSONObject = [
          "path": .string(file.path), "name": .string(file.localName), "size": .integer(file.size),
          "done": .bool(file.isDone), "ours": .bool(file.isOurs),
        ]
        if let sha256 = file.sha256 { entry["sha256"] = .string(sha256) }
        return .object(entry)
      })
    return .object(entry)
  }

  private static func job(_ entry: JSONValue) -> DownloadJob? {
    guard let id = entry["id"]?.stringValue,
      let repository = entry["repository"]?.stringValue.flatMap({ RepositoryName($0) }),
      let revision = entry["revision"]?.stringValue, DownloadTarget.isRevision(revision),
      let startedAt = entry["started_at"]?.integerValue, let files = entry["files"]?.arrayValue?.compactMap(file),
      !files.isEmpty
    else { return nil }
    let state: DownloadJob.State
    switch entry["state"]?.stringValue {
    case "completed": state = .completed
    case "failed":
      let code = entry["error"]?["code"]?.stringValue.flatMap(AtelierError.Code.init(rawValue:))
      state = .failed(AtelierError(code ?? .downloadFailed, entry["error"]?["message"]?.stringValue ?? ""))
    default: state = .paused
    }
    var job = DownloadJob(
      id: id, repository: repository, revision: revision, files: files, state: state, startedAt: Int64(startedAt),
      completedAt: entry["completed_at"]?.integerValue.map(Int64.init))
    job.bytesOnDisk = Int64(max(0, entry["bytes"]?.integerValue ?? 0))
    job.modelKey = entry["model_key"]?.stringValue
    return job
  }

  private static func file(_ entry: JSONValue) -> DownloadFile? {
    guard let path = entry["path"]?.stringValue, let name = entry["name"]?.stringValue,
      FileSelection.isSafe(path), FileSelection.isSafe(name), !name.contains("/"),
      let size = entry["size"]?.integerValue, size >= 0
    else { return nil }
    var file = DownloadFile(
      path: path, localName: name, size: Int64(size), sha256: entry["sha256"]?.stringValue,
      isDone: entry["done"]?.boolValue ?? false)
    file.isOurs = entry["ours"]?.boolValue ?? false
    file.keepsPart = true
    return file
  }
}
