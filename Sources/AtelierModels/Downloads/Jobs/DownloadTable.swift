import AtelierCore

/// All jobs, and which of them may run: as many as allowed at once, in the order they were asked for, and never two of
/// one repository, because they may share files.
package struct DownloadTable: Sendable, Hashable {
  /// Jobs that wait.
  package static let mostQueued = 32
  /// Jobs that wait, run or are paused.
  package static let mostUnfinished = 100
  /// Jobs that are remembered after they ended.
  package static let mostFinished = 200

  /// Oldest first.
  package private(set) var jobs: [DownloadJob]
  private let parallel: Int

  /// What ran when the journal was written is paused now.
  package init(jobs: [DownloadJob] = [], parallel: Int = 3) {
    self.jobs = jobs.map { job in
      var job = job
      if job.state.isOpen { job.state = .paused }
      return job
    }
    self.parallel = parallel
  }

  package subscript(id: String) -> DownloadJob? { jobs.first { $0.id == id } }

  /// The job for a model: one that is open goes on as it is, one that stopped is queued again under its id with the new
  /// plan. Throws `serverBusy`.
  package mutating func admit(
    _ repository: RepositoryName, revision: String, files: [DownloadFile], now: Int64, id: @autoclosure () -> String
  ) throws(AtelierError) -> (job: DownloadJob, isNew: Bool) {
    let place = jobs.lastIndex { $0.isFor(repository, files) && $0.state != .completed }
    if let place, jobs[place].state.isOpen { return (jobs[place], false) }
    guard jobs.count(where: { $0.state == .queued }) < Self.mostQueued else {
      throw AtelierError(.serverBusy, "Too many downloads are waiting.", retryAfter: 60)
    }
    if let place {
      jobs[place].state = .queued
      jobs[place].revision = revision
      jobs[place].files = files.map { file in
        var file = file
        if let old = jobs[place].files.first(where: { $0.localName == file.localName }) {
          file.isOurs = old.isOurs
          file.keepsPart = old.size == file.size && old.sha256 == file.sha256
        }
        return file
      }
      return (jobs[place], true)
    }
    guard jobs.count(where: { !$0.state.isFinished }) < Self.mostUnfinished else {
      throw AtelierError(.serverBusy, "Too many downloads are paused; cancel some first.", retryAfter: 60)
    }
    let job = DownloadJob(id: id(), repository: repository, revision: revision, files: files, startedAt: now)
    jobs.append(job)
    prune()
    return (job, true)
  }

  /// Marks the jobs that may run now as running and returns them. `stopping`: where an earlier run still ends.
  package mutating func start(exceptIn stopping: Set<RepositoryName> = []) -> [DownloadJob] {
    var started: [DownloadJob] = []
    for place in jobs.indices where jobs[place].state == .queued {
      let running = jobs.filter { $0.state == .running }
      guard running.count < parallel else { break }
      guard !running.contains(where: { $0.repository == jobs[place].repository }),
        !stopping.contains(jobs[place].repository)
      else { continue }
      jobs[place].state = .running
      started.append(jobs[place])
    }
    return started
  }

  package mutating func update(_ id: String, _ change: (inout DownloadJob) -> Void) {
    guard let place = jobs.firstIndex(where: { $0.id == id }) else { return }
    change(&jobs[place])
    prune()
  }

  package mutating func remove(_ id: String) { jobs.removeAll { $0.id == id } }

  /// The job, now or later, writes this file.
  func needs(_ localName: String, of repository: RepositoryName) -> Bool {
    jobs.contains { $0.repository == repository && $0.files.contains { $0.localName == localName } }
  }

  /// A file that this downloader finished, so that it may replace it.
  func wrote(_ localName: String, of repository: RepositoryName, size: Int64) -> Bool {
    jobs.contains { job in
      job.repository == repository
        && job.files.contains { $0.localName == localName && $0.isOurs && $0.size == size }
    }
  }

  private mutating func prune() {
    var surplus = jobs.count(where: \.state.isFinished) - Self.mostFinished
    jobs.removeAll { job in
      guard surplus > 0, job.state.isFinished else { return false }
      surplus -= 1
      return true
    }
  }
}
