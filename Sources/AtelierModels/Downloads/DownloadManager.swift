import AtelierCore
import Foundation

/// Fetches models from the hub: one job for each request, a few at a time, remembered across restarts.
package actor DownloadManager: DownloadManaging {
  package struct Options: Sendable {
    package var parallel = 3
    package var keepFree: Int64 = 1 << 30
    package var schedule = RetrySchedule()
    package var resolveTimeout = Duration.seconds(30)
    package var calls = FileCalls.system
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
  private var tasks: [String: (repository: RepositoryName, task: Task<Void, Never>)] = [:]
  /// Jobs that were cancelled while they ran.
  private var cancelled: [String: DownloadJob] = [:]
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
    self.journal = DownloadJournal(at: journal, calls: options.calls)
    let jobs = self.journal.load().map { job in
      // What was written after the journal's last change counts too.
      var job = job
      if job.state != .completed { job.bytesOnDisk = Self.bytesOnDisk(of: job, in: models) }
      return job
    }
    table = DownloadTable(jobs: jobs, parallel: options.parallel)
  }

  package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

  // MARK: Asking

  package func download(_ request: DownloadRequest) async throws(AtelierError) -> DownloadAnswer {
    let target = try DownloadTarget(request, hub: hub.origin)
    let resolver = DownloadResolver(hub: hub, entries: entries)
    let plan = try await resolver.plan(for: target, within: options.resolveTimeout)
    // From here to the end nothing is awaited: what the disk and the table say must agree.
    guard !isShutDown else { throw .shuttingDown }
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

  // MARK: Searching

  package func search(_ words: String, limit: Int, asksHub: Bool) async -> ModelSearchResult {
    let known = entries.search(words)
    var result = ModelSearchResult(
      models: known.map { entry in
        FoundModel(
          id: entry.id, repository: entry.repository.description, isInCatalog: true, kind: entry.kind.rawValue,
          recommended: entry.recommended, sizeBytes: entry.approximateBytes)
      })
    guard asksHub, !words.allSatisfy(\.isWhitespace) else { return result }
    do throws(AtelierError) {
      let repositories = Set(known.map { $0.repository.description.lowercased() })
      for found in try await hub.search(words, limit: limit)
      where !repositories.contains(found.repository.description.lowercased()) {
        result.models.append(
          FoundModel(
            id: found.repository.description, repository: found.repository.description, isInCatalog: false,
            downloads: found.downloads, likes: found.likes))
      }
    } catch { result.hubError = error }
    return result
  }

  package func choices(for model: String) async throws(AtelierError) -> DownloadChoices {
    let target = try DownloadTarget(DownloadRequest(model: model), hub: hub.origin)
    let resolver = DownloadResolver(hub: hub, entries: entries)
    let found = try await resolver.repository(for: target, within: options.resolveTimeout)
    let choices = FileSelection.choices(in: found.listing)
    guard let preferred = FileSelection.preferred(among: choices, recommended: found.recommended) else {
      throw FileSelection.nothing(in: found.name)
    }
    let projector = FileSelection.projector(in: found.listing).map { [$0] } ?? []
    return DownloadChoices(
      repository: found.name.description,
      choices: choices.sorted { ($0.size, $0.files[0].path) < ($1.size, $1.files[0].path) }.map { choice in
        let files = DownloadFile.plan(projector + choice.files, in: found.listing)
        return DownloadChoices.Choice(
          quantization: choice.quantization,
          sizeBytes: FileSelection.Choice(files: projector + choice.files).size, files: choice.files.map(\.path),
          isRecommended: choice == preferred, isDownloaded: files.allSatisfy { isPresent($0, of: found.name) })
      })
  }

  // MARK: Steering

  package func pause(_ id: String) async throws(AtelierError) -> DownloadStatus {
    guard table[id] != nil else { throw .jobNotFound(id) }
    table.update(id) { if $0.state.isOpen { $0.state = .paused } }
    await stop(id)
    try save()
    start()
    return try status(ofJob: id)
  }

  package func resume(_ id: String) throws(AtelierError) -> DownloadStatus {
    guard let job = table[id] else { throw .jobNotFound(id) }
    guard !isShutDown else { throw .shuttingDown }
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

  package func cancel(_ id: String) async throws(AtelierError) {
    guard let job = table[id] else { throw .jobNotFound(id) }
    table.remove(id)
    if tasks[id] == nil {
      discard(job)
    } else {
      // The run's own end discards, because until then it writes.
      cancelled[id] = job
      await stop(id)
    }
    try save()
    start()
  }

  /// Removes what an incomplete job wrote, but for what other jobs share with it.
  private func discard(_ job: DownloadJob) {
    guard job.state != .completed else { return }
    let folder = folder(of: job.repository)
    for file in job.files where !table.needs(file.localName, of: job.repository) {
      let path = folder.appending(path: file.localName).path(percentEncoded: false)
      unlink(path + ".part")
      if file.isOurs, file.isDone { unlink(path) }
    }
    removeEmptyFolders(of: job.repository)
  }

  // MARK: Deleting

  package func deletion(of name: String) async throws(AtelierError) -> ModelDeletion {
    try ModelRemoval(of: name, in: await catalog.index(), models: models).deletion
  }

  package func delete(_ name: String) async throws(AtelierError) -> ModelDeletion {
    let index = await catalog.index()
    // From here to the end nothing is awaited: what the disk and the table say must agree.
    let removal = try ModelRemoval(of: name, in: index, models: models)
    guard !table.jobs.contains(where: { $0.state.isOpen && removal.isIn(folder(of: $0.repository)) }) else {
      throw AtelierError(
        .modelInUse, "A download writes into this model's folder; pause or cancel it first.", param: "model")
    }
    for job in table.jobs {
      let folder = folder(of: job.repository)
      let models = job.files.filter { ModelFileName($0.localName)?.isProjector == false }
      if models.contains(where: { removal.removes(folder.appending(path: $0.localName)) }) { table.remove(job.id) }
    }
    try removal.perform()
    try save()
    return removal.deletion
  }

  /// Stops all jobs and keeps what they have; the next start shows them as paused.
  package func shutdown() async {
    isShutDown = true
    let running = tasks.values.map(\.task)
    for task in running { task.cancel() }
    for task in running { await task.value }
    try? save()
  }

  // MARK: Running

  private func start() {
    guard !isShutDown else { return }
    for job in table.start(exceptIn: Set(tasks.values.map(\.repository))) {
      let job = withoutPresent(job)
      table.update(job.id) { $0.files = job.files }
      let meter = DownloadMeter(shown: job.bytesOnDisk)
      meters[job.id] = meter
      let run = DownloadRun(
        job: job, hub: hub, folder: folder(of: job.repository), meter: meter, schedule: options.schedule,
        calls: options.calls,
        keepFree: options.keepFree.addingSaturating(stillComing(except: job.id)), freeSpace: options.freeSpace,
        mayReplace: { [weak self] file in await self?.wrote(file, of: job.repository) ?? false },
        finished: { [weak self] file in await self?.finished(file, of: job.id) })
      let id = job.id
      let task = Task {
        var failure: AtelierError?
        do throws(AtelierError) { try await run.run() } catch { failure = error }
        await ended(id, failure)
      }
      tasks[id] = (job.repository, task)
    }
  }

  /// An earlier job may have fetched what they share, such as a projector.
  private func withoutPresent(_ job: DownloadJob) -> DownloadJob {
    var job = job
    for place in job.files.indices where !job.files[place].isDone {
      job.files[place].isDone = isPresent(job.files[place], of: job.repository)
    }
    return job
  }

  /// Bytes that the other running jobs have not fetched yet: no two may count on the same free space.
  private func stillComing(except id: String) -> Int64 {
    let left = table.jobs.filter { $0.state == .running && $0.id != id }.map { job in
      max(0, job.totalBytes - (meters[job.id]?.onDisk ?? 0))
    }
    return left.saturatingSum
  }

  private func wrote(_ file: DownloadFile, of repository: RepositoryName) -> Bool {
    let path = folder(of: repository).appending(path: file.localName).path(percentEncoded: false)
    guard let stamp = FileStamp(path: path), !stamp.isFolder else { return false }
    return table.wrote(file.localName, of: repository, size: stamp.size)
  }

  private func finished(_ file: DownloadFile, of id: String) {
    func note(_ job: inout DownloadJob) {
      for place in job.files.indices where job.files[place].localName == file.localName {
        job.files[place].isDone = true
        job.files[place].isOurs = true
      }
    }
    table.update(id, note)
    if var job = cancelled[id] {
      note(&job)
      cancelled[id] = job
    }
    try? save()
  }

  /// `completed` is shown only once the model is listed, because clients load it right after.
  private func ended(_ id: String, _ failure: AtelierError?) async {
    var failure = failure
    var key: String?
    if failure == nil, let job = table[id], job.files.allSatisfy(\.isDone), job.state == .running {
      key = await listedKey(of: job)
      if key == nil {
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
        job.modelKey = key
      } else {
        job.state = .paused
      }
    }
    meters[id] = nil
    tasks[id] = nil
    if let job = cancelled.removeValue(forKey: id) { discard(job) }
    try? save()
    start()
  }

  /// The key of the job's model; nil when it is not listed.
  private func listedKey(of job: DownloadJob) async -> String? {
    let index = await catalog.index()
    let prefix = "\(job.repository)/"
    var names = Set(
      job.files.filter { ModelFileName($0.localName)?.isProjector == false }.map { prefix + $0.localName })
    for skipped in index.skipped where names.contains(skipped.relativePath) {
      if case .duplicate(let other) = skipped.reason { names.insert(other) }
    }
    let model = index.models.first { model in
      model.variants.contains { variant in
        variant.files.contains { path in names.contains { path.hasSuffix("/" + $0) } }
      }
    }
    guard let model else { return nil }
    let variant = model.variants.first { variant in
      variant.files.contains { path in names.contains { path.hasSuffix("/" + $0) } }
    }
    return variant.map { $0 == model.selected ? model.key : $0.name }
  }

  private func stop(_ id: String) async {
    guard let task = tasks[id]?.task else { return }
    task.cancel()
    await task.value
  }

  // MARK: Files and forms

  private func folder(of repository: RepositoryName) -> URL { Self.folder(of: repository, in: models) }

  private static func folder(of repository: RepositoryName, in models: URL) -> URL {
    models.appending(path: repository.owner, directoryHint: .isDirectory)
      .appending(path: repository.name, directoryHint: .isDirectory)
  }

  private static func bytesOnDisk(of job: DownloadJob, in models: URL) -> Int64 {
    let folder = folder(of: job.repository, in: models)
    let bytes = job.files.map { file -> Int64 in
      let path = folder.appending(path: file.localName).path(percentEncoded: false)
      if file.isDone, FileStamp(path: path)?.size == file.size { return file.size }
      return file.keepsPart ? min(FileStamp(path: path + ".part")?.size ?? 0, file.size) : 0
    }
    return bytes.saturatingSum
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
      id: job.id, state: .downloading, model: job.repository.description, quantization: job.quantization,
      modelKey: job.modelKey, totalBytes: total, downloadedBytes: min(job.bytesOnDisk, total),
      startedAt: job.startedAt)
    switch job.state {
    case .queued:
      status.isQueued = true
      status.bytesPerSecond = 0
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

  private static var now: Int64 { SystemClock.wallMilliseconds }
}
