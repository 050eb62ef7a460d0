import AtelierCore
import Foundation

/// Fetches models from the hub: one job for each request, a few at a time, remembered across restarts.
package actor DownloadManager: DownloadManaging {
  package struct Options: Sendable {
    package var parallel = 3
    package var keepFree: Int64 = 1 << 30
    package var schedule = RetrySchedule()
    package var resolveTimeout = Duration.seconds(30)
    package var freeSpace: @Sendable (URL) -> Int64? = DiskSpace.free

    package init() {}
  }

  private let hub: any ModelHub
  private let models: URL
  private let entries: DownloadCatalog
  private let journal: DownloadJournal
  private let options: Options
  private let catalog: ModelCatalog
  private let executor = QueueExecutor(label: "atelier.downloads")

  private var table: DownloadTable
  private var meters: [String: DownloadMeter] = [:]
  private var tasks: [String: Task<Void, Never>] = [:]
  private var isShutDown = false

  /// - Parameters:
  ///   - models: the models folder that files go to; one of the catalog's roots.
  ///   - journal: `downloads.json`.
  package init(
    hub: any ModelHub, models: URL, journal: URL, catalog: ModelCatalog, entries: DownloadCatalog = DownloadCatalog(),
    options: Options = Options()
  ) {
    self.hub = hub
    self.models = models
    self.entries = entries
    self.catalog = catalog
    self.options = options
    self.journal = DownloadJournal(at: journal)
    table = DownloadTable(jobs: self.journal.load(), parallel: options.parallel)
  }

  package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  // MARK: Asking

  package func download(_ request: DownloadRequest) async throws(AtelierError) -> DownloadAnswer {
    let target = try DownloadTarget(request, hub: hub.origin)
    let resolver = DownloadResolver(hub: hub, entries: entries)
    let plan = try await resolver.plan(for: target, within: options.resolveTimeout)
    // From here to the end nothing is awaited: what the disk and the table say must agree.
    guard !isShutDown else { throw AtelierError(.shuttingDown, "The server is stopping.") }
    let files = plan.files.map { file in
      var file = file
      file.isDone = isPresent(file, of: plan.repository)
      return file
    }
    let open = table.jobs.contains { $0.isFor(plan.repository, files) && $0.state.isOpen }
    if !open, files.allSatisfy(\.isDone) { return .alreadyDownloaded }
    let before = table
    let (job, isNew) = try table.admit(
      plan.repository, revision: plan.revision, files: files, now: Self.now, id: DownloadJob.makeID())
    if isNew {
      do { try save() } catch {
        table = before
        throw error
      }
      start()
    }
    return .job(status(of: table[job.id] ?? job))
  }

  package func status(ofJob id: String) throws(AtelierError) -> DownloadStatus {
    guard let job = table[id] else { throw .jobNotFound(id) }
    return status(of: job)
  }

  package func jobs() -> [DownloadStatus] { table.jobs.reversed().map(status) }

  package func search(_ words: String, limit: Int = 20) async throws(AtelierError) -> [HubModel] {
    try await hub.search(words, limit: limit)
  }

  // MARK: Steering

  /// Stops a job and keeps what it has. No effect on one that is not open. Throws `jobNotFound`.
  package func pause(_ id: String) async throws(AtelierError) -> DownloadStatus {
    guard table[id] != nil else { throw .jobNotFound(id) }
    table.update(id) { if $0.state.isOpen { $0.state = .paused } }
    await stop(id)
    try save()
    start()
    return try status(ofJob: id)
  }

  /// Goes on with a job that was paused or failed, with the files it was made for. Throws `jobNotFound`, `serverBusy`.
  package func resume(_ id: String) throws(AtelierError) -> DownloadStatus {
    guard let job = table[id] else { throw .jobNotFound(id) }
    if !job.state.isOpen, job.state != .completed {
      let files = job.files.map { file in
        var file = file
        file.isDone = isPresent(file, of: job.repository)
        return file
      }
      _ = try table.admit(job.repository, revision: job.revision, files: files, now: Self.now, id: id)
      try save()
      start()
    }
    return try status(ofJob: id)
  }

  /// Ends a job, forgets it and removes its part files; what has its final name stays. Throws `jobNotFound`.
  package func cancel(_ id: String) async throws(AtelierError) {
    guard table[id] != nil else { throw .jobNotFound(id) }
    table.update(id) { if $0.state.isOpen { $0.state = .paused } }
    await stop(id)
    guard let job = table[id] else { return }
    table.remove(id)
    let folder = folder(of: job.repository)
    if job.state != .completed {
      for file in job.files {
        unlink(folder.appending(path: file.localName + ".part").path(percentEncoded: false))
      }
      removeEmptyFolders(of: job.repository)
    }
    try save()
    start()
  }

  /// Deletes a model's files, which must lie in the models folder. The model must not be loaded. Throws `modelNotFound`,
  /// and `invalidValue` while a download writes there.
  package func delete(model name: String) async throws(AtelierError) {
    guard let match = await catalog.resolve(name) else {
      throw AtelierError(.modelNotFound, "There is no model '\(name.prefix(64))'.", param: "model")
    }
    let variant = match.model.variants[match.variant]
    guard let repository = RepositoryName(owner: match.model.publisher, name: match.model.repository) else {
      throw AtelierError(.invalidValue, "The model's folder was not made here; delete it by hand.", param: "model")
    }
    guard !table.jobs.contains(where: { $0.repository == repository && $0.state.isOpen }) else {
      throw AtelierError(.invalidValue, "A download for this model is running; cancel it first.", param: "model")
    }
    let folder = folder(of: repository).path(percentEncoded: false)
    let prefix = folder.hasSuffix("/") ? folder : folder + "/"
    let isLastVariant = match.model.variants.count == 1
    for path in variant.files + (isLastVariant ? [variant.projector].compactMap(\.self) : []) {
      guard path.hasPrefix(prefix), !path.dropFirst(prefix.count).contains("/") else { continue }
      // Links are removed, not what they lead to.
      unlink(path)
      let fileName = String(path.dropFirst(prefix.count))
      for job in table.jobs
      where job.repository == repository && job.files.contains(where: { $0.localName == fileName }) {
        table.remove(job.id)
      }
    }
    removeEmptyFolders(of: repository)
    try save()
  }

  /// Stops all jobs and keeps what they have; the next start shows them as paused.
  package func shutdown() async {
    isShutDown = true
    let running = Array(tasks.values)
    for task in running { task.cancel() }
    for task in running { await task.value }
    try? save()
  }

  // MARK: Running

  private func start() {
    guard !isShutDown else { return }
    for job in table.start() {
      let meter = DownloadMeter(shown: job.bytesOnDisk)
      meters[job.id] = meter
      let run = DownloadRun(
        job: job, hub: hub, folder: folder(of: job.repository), meter: meter, schedule: options.schedule,
        keepFree: options.keepFree, freeSpace: options.freeSpace,
        mayReplace: { [weak self] file in await self?.wrote(file, of: job.repository) ?? false },
        finished: { [weak self] file in await self?.finished(file, of: job.id) })
      tasks[job.id] = Task {
        var failure: AtelierError?
        do throws(AtelierError) { try await run.run() } catch { failure = error }
        await ended(job.id, failure)
      }
    }
  }

  private func wrote(_ file: DownloadFile, of repository: RepositoryName) -> Bool {
    let path = folder(of: repository).appending(path: file.localName).path(percentEncoded: false)
    guard let stamp = FileStamp(path: path), !stamp.isFolder else { return false }
    return table.wrote(file.localName, of: repository, size: stamp.size)
  }

  private func finished(_ file: DownloadFile, of id: String) {
    table.update(id) { job in
      for place in job.files.indices where job.files[place].localName == file.localName {
        job.files[place].isDone = true
        job.files[place].isOurs = true
      }
    }
    try? save()
  }

  /// `completed` is shown only once the model is listed, because clients load it right after.
  private func ended(_ id: String, _ failure: AtelierError?) async {
    var failure = failure
    if failure == nil, let job = table[id], job.files.allSatisfy(\.isDone), job.state == .running {
      if await !isListed(job) {
        failure = AtelierError(.downloadFailed, "The files were downloaded, but they hold no model that can be listed.")
      }
    }
    let bytes = meters[id]?.onDisk ?? 0
    table.update(id) { job in
      job.bytesOnDisk = bytes
      guard job.state == .running else { return }
      if let failure {
        job.state = .failed(failure)
      } else if job.files.allSatisfy(\.isDone) {
        job.state = .completed
        job.completedAt = Self.now
      } else {
        job.state = .paused
      }
    }
    meters[id] = nil
    tasks[id] = nil
    try? save()
    start()
  }

  private func isListed(_ job: DownloadJob) async -> Bool {
    let index = await catalog.index()
    let prefix = "\(job.repository)/"
    let names = job.files.filter { ModelFileName($0.localName)?.isProjector == false }.map { prefix + $0.localName }
    let listed = index.models.contains { model in
      model.variants.contains { variant in
        variant.files.contains { path in names.contains { path.hasSuffix("/" + $0) } }
      }
    }
    if listed { return true }
    return index.skipped.contains { skipped in
      if case .duplicate = skipped.reason { names.contains(skipped.relativePath) } else { false }
    }
  }

  private func stop(_ id: String) async {
    guard let task = tasks[id] else { return }
    task.cancel()
    await task.value
  }

  // MARK: Files and forms

  private func folder(of repository: RepositoryName) -> URL {
    models.appending(path: repository.owner, directoryHint: .isDirectory)
      .appending(path: repository.name, directoryHint: .isDirectory)
  }

  private func isPresent(_ file: DownloadFile, of repository: RepositoryName) -> Bool {
    let path = folder(of: repository).appending(path: file.localName).path(percentEncoded: false)
    guard let stamp = FileStamp(path: path) else { return false }
    return !stamp.isFolder && stamp.size == file.size
  }

  private func removeEmptyFolders(of repository: RepositoryName) {
    let folder = folder(of: repository)
    if rmdir(folder.path(percentEncoded: false)) == 0 {
      rmdir(folder.deletingLastPathComponent().path(percentEncoded: false))
    }
  }

  private func save() throws(AtelierError) { try journal.save(table.jobs) }

  private func status(of job: DownloadJob) -> DownloadStatus {
    let total = job.totalBytes
    var status = DownloadStatus(
      id: job.id, state: .downloading, model: job.repository.description, totalBytes: total,
      downloadedBytes: min(job.bytesOnDisk, total), startedAt: job.startedAt)
    switch job.state {
    case .queued: status.bytesPerSecond = 0
    case .running:
      guard let meter = meters[job.id] else { break }
      let (bytes, rate, secondsLeft) = meter.reading(total: total)
      status.downloadedBytes = bytes
      status.bytesPerSecond = rate
      status.estimatedCompletion = secondsLeft.map { Self.now + Int64(min($0, 1e9) * 1000) }
    case .paused: status.state = .paused
    case .completed:
      status.state = .completed
      status.downloadedBytes = total
      status.completedAt = job.completedAt
    case .failed(let error): status.state = .failed(error)
    }
    return status
  }

  private static var now: Int64 { Int64(Date().timeIntervalSince1970 * 1000) }
}
