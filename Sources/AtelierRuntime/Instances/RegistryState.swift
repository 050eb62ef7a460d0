import AtelierCore

/// Every decision of the registry: which instance answers, what is loaded next, what has to go first, what has expired.
/// Methods take what happened and return what to do; nothing is done here.
///
/// Loads form one queue and run one at a time. The load at its head first makes room: its victims take no new requests
/// (those queue behind it, as loads of their own), finish their running ones, and are unloaded. So nobody's generation is
/// cut off and nobody starves.
struct RegistryState: Sendable {
  enum Activity: Sendable, Hashable { case waiting, processingPrompt, generating }

  struct Instance: Sendable {
    enum Phase: Sendable, Hashable {
      case ready
      /// Takes no new requests; goes when the last lease ends.
      case draining
      case unloading
    }

    let number: UInt64
    let id: String
    var plan: LoadPlan
    let terms: LoadTerms
    let loadSeconds: Double
    var phase = Phase.ready
    var leases: [UInt64: Activity] = [:]
    var idleSince: Duration
    /// Milliseconds since 1970.
    var lastUsed: Int64?

    var expires: Duration? {
      guard phase == .ready, leases.isEmpty, let seconds = terms.timeToLive else { return nil }
      return idleSince + .seconds(seconds)
    }
  }

  struct Waiter: Sendable {
    let id: UInt64
    /// The one that caused the load sees its progress.
    let isInitiator: Bool
    /// Until when the load must have begun.
    let deadline: Duration
  }

  struct Job: Sendable {
    enum Phase: Sendable, Hashable { case queued, launching }

    /// Becomes the instance's.
    let number: UInt64
    let id: String
    let plan: LoadPlan
    let terms: LoadTerms
    var waiters: [Waiter] = []
    var phase = Phase.queued
    /// Those who caused it know that it began. It may begin again, after room was made.
    var isAnnounced = false
  }

  enum Action: Sendable {
    case launch(job: UInt64, LoadPlan)
    /// Stop a launch under way; nobody may have it any more.
    case cancelLaunch(job: UInt64)
    case unload(instance: UInt64)
    case started(waiter: UInt64)
    case grant(waiter: UInt64, lease: UInt64, instance: UInt64, seconds: Double?)
    case fail(waiter: UInt64, AtelierError)
  }

  enum Place: Sendable {
    case ready(lease: UInt64, instance: UInt64)
    case waiting(waiter: UInt64, InstanceSelection)
  }

  private static let maxJobs = 64

  private(set) var instances: [Instance] = []
  private(set) var jobs: [Job] = []
  var settings: RuntimeSettings
  private var brake = CrashBrake()
  private var lastNumber: UInt64 = 0

  init(settings: RuntimeSettings) { self.settings = settings }

  private mutating func nextNumber() -> UInt64 {
    lastNumber += 1
    return lastNumber
  }

  // MARK: Who answers

  func instance(_ number: UInt64) -> Instance? { instances.first { $0.number == number } }

  /// The ready instance with that id, exactly or else ignoring case.
  func named(_ name: String) -> Instance? {
    let ready = instances.filter { $0.phase == .ready }
    return ready.first { $0.id == name } ?? ready.first { $0.id.lowercased() == name.lowercased() }
  }

  /// The plan of an instance with that id that is being loaded under it.
  func loading(named name: String) -> Job? {
    jobs.first { $0.id == name } ?? jobs.first { $0.id.lowercased() == name.lowercased() }
  }

  private func ready(for wanted: ResolvedModel, contextLength: Int?) -> Instance? {
    let fitting = instances.filter { $0.phase == .ready && $0.plan.serves(wanted, contextLength: contextLength) }
    // The un-suffixed one, else the lowest suffix.
    func rank(_ id: String) -> Int {
      let key = wanted.model.key
      if id == key { return 1 }
      return id.hasPrefix(key + ":") ? Int(id.dropFirst(key.count + 1)) ?? .max : .max
    }
    return fitting.min { (rank($0.id), $0.number) < (rank($1.id), $1.number) }
  }

  /// A place for a request: at once at a ready instance, else with a load under way or a new one. `plan` is what would be
  /// loaded. Throws `modelNotLoaded` when just-in-time loading is off, `permissionDenied` when it is needed and not allowed,
  /// `serverBusy` when too many wait for the instance or the load, or the model's worker died too often.
  mutating func reserve(
    instance: UInt64?, plan: LoadPlan, contextLength: Int?, timeToLive: TimeToLive?, mayLoad: Bool = true,
    now: Duration
  ) throws(AtelierError) -> (Place, [Action]) {
    let named = instance.flatMap(self.instance).flatMap { candidate in
      candidate.phase == .ready && contextLength.map { $0 <= candidate.plan.configuration.contextLength } ?? true
        ? candidate : nil
    }
    if let found = named ?? ready(for: plan.target, contextLength: contextLength) {
      guard found.leases.count < found.plan.configuration.parallel + settings.maxWaiting else {
        throw AtelierError(
          .serverBusy, "Too many requests are waiting for model '\(found.id)'. Try again later.", retryAfter: 10)
      }
      return (.ready(lease: lease(of: found.number), instance: found.number), [])
    }
    if let index = jobs.firstIndex(where: { $0.plan.serves(plan.target, contextLength: contextLength) }) {
      guard jobs[index].waiters.count < settings.maxWaiting else { throw Self.busy }
      let waiter = addWaiter(to: index, isInitiator: false, now: now)
      return (.waiting(waiter: waiter, jobs[index].plan.selection(instanceID: jobs[index].id)), [])
    }
    guard settings.jitEnabled else {
      throw AtelierError(
        .modelNotLoaded,
        "Model '\(plan.model.key)' is not loaded, and just-in-time loading is off. Load it first.", param: "model")
    }
    guard mayLoad else {
      throw AtelierError(
        .permissionDenied,
        "Permission denied: model '\(plan.model.key)' is not loaded, and this API token does not allow 'models.load'.")
    }
    let seconds: Int?
    switch timeToLive {
    case .seconds(let asked): seconds = asked
    case .never: seconds = nil
    case nil: seconds = settings.jitTimeToLive
    }
    let index = try enqueue(
      plan, id: freeID(for: plan.model.key), terms: LoadTerms(origin: .jit, timeToLive: seconds), now: now)
    let waiter = addWaiter(to: index, isInitiator: true, now: now)
    let selection = plan.selection(instanceID: jobs[index].id)
    return (.waiting(waiter: waiter, selection), proceed())
  }

  /// A place at an instance that is ready, with that id or of that model; nil when there is none.
  mutating func leaseIfReady(named name: String, _ target: ResolvedModel) -> (lease: UInt64, instance: UInt64)? {
    guard let found = named(name) ?? ready(for: target, contextLength: nil) else { return nil }
    return (lease(of: found.number), found.number)
  }

  /// A load asked for by a person. Throws `identifierInUse`, `invalidValue` for an unusable identifier, `serverBusy`.
  mutating func load(
    _ plan: LoadPlan, asked: ModelLoadRequest, now: Duration
  ) throws(AtelierError) -> (waiter: UInt64, [Action]) {
    if let identifier = asked.identifier { try check(identifier: identifier) }
    let seconds: Int? = if case .seconds(let asked) = asked.timeToLive { asked } else { nil }
    let terms = LoadTerms(
      origin: .manual, timeToLive: asked.isPinned ? nil : seconds, isPinned: asked.isPinned, isForced: asked.isForced)
    let index = try enqueue(plan, id: asked.identifier ?? freeID(for: plan.model.key), terms: terms, now: now)
    let waiter = addWaiter(to: index, isInitiator: true, now: now)
    return (waiter, proceed())
  }

  /// A place for a request whose instance died: at the instance that took its part, with a load under way that will, or
  /// with a new load of the same plan under the same id and terms. Throws `serverBusy` as `reserve`.
  mutating func succeed(_ dead: Origin, now: Duration) throws(AtelierError) -> (Place, [Action]) {
    if let heir = instances.first(where: { $0.phase == .ready && $0.id == dead.id && dead.fits($0.plan) }) {
      return (.ready(lease: lease(of: heir.number), instance: heir.number), [])
    }
    if let index = jobs.firstIndex(where: { $0.id == dead.id && dead.fits($0.plan) }) {
      let waiter = addWaiter(to: index, isInitiator: false, now: now)
      return (.waiting(waiter: waiter, jobs[index].plan.selection(instanceID: dead.id)), [])
    }
    let id = takenIDs.contains(dead.id) ? freeID(for: dead.plan.model.key) : dead.id
    let index = try enqueue(dead.plan, id: id, terms: dead.terms, now: now)
    let waiter = addWaiter(to: index, isInitiator: false, now: now)
    return (.waiting(waiter: waiter, dead.plan.selection(instanceID: id)), proceed())
  }

  /// What an instance was, for the one that takes its part when it dies.
  struct Origin: Sendable {
    let number: UInt64
    let id: String
    let plan: LoadPlan
    let terms: LoadTerms

    /// Whether an instance of that plan answers as this one did.
    func fits(_ other: LoadPlan) -> Bool {
      var configuration = other.configuration
      // A load may give less context than was planned.
      configuration.contextLength = plan.configuration.contextLength
      return other.target == plan.target && configuration == plan.configuration
        && other.configuration.contextLength >= plan.configuration.contextLength
    }
  }

  private mutating func enqueue(
    _ plan: LoadPlan, id: String, terms: LoadTerms, now: Duration
  ) throws(AtelierError) -> Int {
    try brake.check(plan.model.key, maxDeaths: settings.maxDeaths, now: now)
    guard jobs.count < Self.maxJobs else { throw Self.busy }
    jobs.append(Job(number: nextNumber(), id: id, plan: plan, terms: terms))
    return jobs.count - 1
  }

  private mutating func addWaiter(to index: Int, isInitiator: Bool, now: Duration) -> UInt64 {
    let waiter = Waiter(
      id: nextNumber(), isInitiator: isInitiator, deadline: now + .seconds(settings.queueSeconds))
    jobs[index].waiters.append(waiter)
    return waiter.id
  }

  private mutating func lease(of number: UInt64) -> UInt64 {
    let lease = nextNumber()
    if let index = instances.firstIndex(where: { $0.number == number }) { instances[index].leases[lease] = .waiting }
    return lease
  }

  // MARK: Identifiers

  /// Ids that stay taken: of what is ready or to be loaded. What is on its way out gives its id back, because no load
  /// begins before it is gone.
  private var takenIDs: Set<String> {
    Set(instances.filter { $0.phase == .ready }.map(\.id)).union(jobs.map(\.id))
  }

  /// The key, else `key:2`, `key:3`… with the lowest free number.
  private func freeID(for key: String) -> String {
    let taken = takenIDs
    if !taken.contains(key) { return key }
    var suffix = 2
    while taken.contains("\(key):\(suffix)") { suffix += 1 }
    return "\(key):\(suffix)"
  }

  private func check(identifier: String) throws(AtelierError) {
    let hasControls = identifier.unicodeScalars.contains { $0.properties.generalCategory == .control }
    guard (1...1024).contains(identifier.count), !hasControls, identifier != "__proto__" else {
      throw AtelierError(
        .invalidValue, "'identifier' must be 1 to 1024 characters without control characters.", param: "identifier")
    }
    guard !takenIDs.contains(identifier) else {
      throw AtelierError(
        .identifierInUse, "The identifier '\(identifier)' is in use. Choose another or unload that instance.",
        param: "identifier")
    }
  }

  // MARK: The queue of loads

  /// Does what the head of the queue needs next.
  private mutating func proceed() -> [Action] {
    guard let head = jobs.first, head.phase == .queued else { return [] }
    if head.terms.origin == .jit {
      for victim in EvictionPolicy.victims(of: head.plan, among: instances, settings: settings) {
        guard let index = instances.firstIndex(where: { $0.number == victim && $0.phase == .ready }) else { continue }
        instances[index].phase = .draining
      }
    }
    let unloads = unloadDrained()
    guard unloads.isEmpty, instances.allSatisfy({ $0.phase == .ready }) else { return unloads }
    jobs[0].phase = .launching
    jobs[0].isAnnounced = true
    let launch = Action.launch(job: head.number, head.plan)
    return [launch] + (head.isAnnounced ? [] : head.waiters.filter(\.isInitiator).map { .started(waiter: $0.id) })
  }

  /// The launch under way does not fit the memory: what is unloaded before it begins anew; nil when nothing may go.
  mutating func makeRoom(forJob number: UInt64) -> [Action]? {
    guard let job = jobs.firstIndex(where: { $0.number == number && $0.phase == .launching }),
      let victim = EvictionPolicy.leastRecentlyUsed(among: instances),
      let index = instances.firstIndex(where: { $0.number == victim })
    else { return nil }
    jobs[job].phase = .queued
    instances[index].phase = .unloading
    return [.unload(instance: victim)]
  }

  private mutating func unloadDrained() -> [Action] {
    var actions: [Action] = []
    for index in instances.indices where instances[index].phase == .draining && instances[index].leases.isEmpty {
      instances[index].phase = .unloading
      actions.append(.unload(instance: instances[index].number))
    }
    return actions
  }

  /// The launch ended well. Every waiter gets its lease in the same moment, so nothing can evict the instance in between.
  /// nil: nobody wants it any more (it was unloaded while loading).
  mutating func launched(
    job number: UInt64, seconds: Double, contextLength: Int, now: Duration
  ) -> [Action]? {
    guard let index = jobs.firstIndex(where: { $0.number == number }) else { return nil }
    let job = jobs.remove(at: index)
    var plan = job.plan
    plan.configuration.contextLength = min(plan.configuration.contextLength, max(1, contextLength))
    instances.append(
      Instance(
        number: number, id: job.id, plan: plan, terms: job.terms, loadSeconds: seconds, idleSince: now))
    let grants: [Action] = job.waiters.map { waiter in
      .grant(
        waiter: waiter.id, lease: lease(of: number), instance: number, seconds: waiter.isInitiator ? seconds : nil)
    }
    return grants + proceed()
  }

  mutating func launchFailed(job number: UInt64, _ error: AtelierError) -> [Action] {
    guard let index = jobs.firstIndex(where: { $0.number == number }) else { return proceed() }
    let job = jobs.remove(at: index)
    return job.waiters.map { .fail(waiter: $0.id, error) } + proceed()
  }

  /// The waiter has gone. A load that has not begun and that nobody waits for is dropped; one under way is finished.
  mutating func abandon(waiter id: UInt64) -> [Action] {
    guard let index = jobs.firstIndex(where: { $0.waiters.contains { $0.id == id } }) else { return [] }
    jobs[index].waiters.removeAll { $0.id == id }
    guard jobs[index].waiters.isEmpty, jobs[index].phase == .queued, jobs[index].terms.origin == .jit else {
      return []
    }
    jobs.remove(at: index)
    return proceed()
  }

  // MARK: Use, expiry, end

  mutating func note(_ activity: Activity, lease: UInt64, of number: UInt64) {
    guard let index = instances.firstIndex(where: { $0.number == number }) else { return }
    if instances[index].leases[lease] != nil { instances[index].leases[lease] = activity }
  }

  mutating func release(lease: UInt64, of number: UInt64, now: Duration, wall: Int64) -> [Action] {
    guard let index = instances.firstIndex(where: { $0.number == number }),
      instances[index].leases.removeValue(forKey: lease) != nil
    else { return [] }
    instances[index].lastUsed = wall
    if instances[index].leases.isEmpty { instances[index].idleSince = now }
    return unloadDrained()
  }

  /// When `tick` has something to do next.
  var nextDeadline: Duration? {
    let expiries = instances.compactMap(\.expires)
    let waits = jobs.filter { $0.phase == .queued }.flatMap(\.waiters).map(\.deadline)
    return (expiries + waits).min()
  }

  mutating func tick(now: Duration) -> [Action] {
    var actions: [Action] = []
    for index in instances.indices {
      guard let expires = instances[index].expires, expires <= now else { continue }
      instances[index].phase = .unloading
      actions.append(.unload(instance: instances[index].number))
    }
    var refused: Set<UInt64> = []
    for index in jobs.indices where jobs[index].phase == .queued {
      let late = jobs[index].waiters.filter { $0.deadline <= now }
      guard !late.isEmpty else { continue }
      for waiter in late { actions.append(.fail(waiter: waiter.id, Self.busy)) }
      jobs[index].waiters.removeAll { $0.deadline <= now }
      if jobs[index].waiters.isEmpty { refused.insert(jobs[index].number) }
    }
    // Not those that nobody waits for any more and that a person asked for.
    jobs.removeAll { refused.contains($0.number) }
    return actions + proceed()
  }

  /// An unload somebody asked for. Requests end with `modelUnloaded`. Throws `modelNotFound`; the number of a ready (or
  /// already going) instance, or of the load that is given up.
  mutating func unload(id: String) throws(AtelierError) -> (number: UInt64, [Action]) {
    if let index = instances.firstIndex(where: { $0.id == id }) {
      let number = instances[index].number
      guard instances[index].phase != .unloading else { return (number, []) }
      instances[index].phase = .unloading
      return (number, [.unload(instance: number)])
    }
    guard let index = jobs.firstIndex(where: { $0.id == id }) else {
      throw AtelierError(.modelNotFound, "There is no loaded instance '\(id.prefix(80))'.", param: "instance_id")
    }
    let job = jobs.remove(at: index)
    let error = AtelierError(.modelUnloaded, "Model '\(job.id)' was unloaded.")
    let cancel: [Action] = job.phase == .launching ? [.cancelLaunch(job: job.number)] : []
    return (job.number, job.waiters.map { .fail(waiter: $0.id, error) } + cancel + proceed())
  }

  /// The instance's memory is back, or its worker died.
  mutating func gone(instance number: UInt64, died: Bool, now: Duration) -> [Action] {
    guard let index = instances.firstIndex(where: { $0.number == number }) else { return [] }
    let instance = instances.remove(at: index)
    if died { brake.died(instance.plan.model.key, maxDeaths: settings.maxDeaths, now: now) }
    return proceed()
  }

  private static var busy: AtelierError {
    AtelierError(.serverBusy, "Too many requests are waiting for models to load. Try again later.", retryAfter: 10)
  }
}

extension RegistryState.Instance {
  var description: InstanceDescription {
    let state: InstanceDescription.State =
      if phase == .unloading {
        .unloading
      } else if leases.isEmpty {
        .idle
      } else if plan.model.kind == .embedding {
        .computingEmbedding
      } else if leases.values.contains(.generating) {
        .generating
      } else {
        .processingPrompt
      }
    return InstanceDescription(
      id: id, modelKey: plan.model.key, kind: plan.model.kind, configuration: plan.configuration, state: state,
      quantization: plan.variant.quantization?.name, queued: leases.count, timeToLive: terms.timeToLive,
      lastUsed: lastUsed, loadSeconds: loadSeconds, origin: terms.origin, isPinned: terms.isPinned)
  }
}

extension RegistryState.Job {
  var description: InstanceDescription {
    InstanceDescription(
      id: id, modelKey: plan.model.key, kind: plan.model.kind, configuration: plan.configuration, state: .loading,
      quantization: plan.variant.quantization?.name, queued: waiters.count, timeToLive: terms.timeToLive,
      origin: terms.origin, isPinned: terms.isPinned)
  }
}
