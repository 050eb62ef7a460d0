import AtelierCore

/// Engines that hold no more than a model's vocabulary, for counting the prompts of models that are not loaded
/// (anthropic.md 10.3): they load nothing, evict nothing and appear in no list.
///
/// A few at once, one a model; each stays for a minute after its last use, because who counts tends to count again. A model whose
/// engines die too often is refused for a while, as it is when it is loaded.
actor VocabularyEngines {
  private struct Entry {
    let load: EngineLoad
    let modelKey: String
    let launch: Task<any InferenceEngine, any Error>
    var users = 0
    var lastUse: Duration
  }

  private static let most = 2
  static let idleTime = Duration.seconds(60)

  private let launcher: any EngineLauncher
  private let clock: any RuntimeClock
  private var entries: [UInt64: Entry] = [:]
  private var lastNumber: UInt64 = 0
  private var brake = CrashBrake()
  private var timer: Task<Void, Never>?
  private var isClosed = false

  init(launcher: any EngineLauncher, clock: any RuntimeClock) {
    self.launcher = launcher
    self.clock = clock
  }

  /// Throws what the count throws, what the load throws, and `serverBusy` when all places are in use for other models or the
  /// model's engines died `maxDeaths` times within a minute. Asks a second engine when the first one dies.
  func count(
    _ request: EngineRequest, _ load: EngineLoad, ofModel modelKey: String, maxDeaths: Int
  ) async throws(AtelierError) -> Int {
    do throws(AtelierError) {
      return try await ask(request, load, modelKey, maxDeaths)
    } catch {
      guard error.code == .engineDied else { throw error }
      return try await ask(request, load, modelKey, maxDeaths)
    }
  }

  private func ask(
    _ request: EngineRequest, _ load: EngineLoad, _ modelKey: String, _ maxDeaths: Int
  ) async throws(AtelierError) -> Int {
    let number = try place(for: load, modelKey, maxDeaths)
    entries[number]?.users += 1
    defer { leave(number) }
    guard let launch = entries[number]?.launch else { throw Self.busy }
    let engine: any InferenceEngine
    do {
      engine = try await launch.value
    } catch {
      entries[number] = nil
      throw error as? AtelierError ?? AtelierError(.modelLoadFailed, "The model's vocabulary could not be read.")
    }
    do throws(AtelierError) {
      return try await engine.countTokens(request)
    } catch {
      // Whoever needs it may know of its end before the one who watches it.
      if error.code == .engineDied { gone(number, maxDeaths) }
      throw error
    }
  }

  /// Ends them all, and returns when they are gone.
  func shutdown() async {
    isClosed = true
    timer?.cancel()
    let launches = entries.values.map(\.launch)
    entries = [:]
    for launch in launches { await Self.end(launch) }
  }

  private func place(
    for load: EngineLoad, _ modelKey: String, _ maxDeaths: Int
  ) throws(AtelierError) -> UInt64 {
    guard !isClosed else { throw .shuttingDown }
    if let known = entries.first(where: { $0.value.load == load }) { return known.key }
    try brake.check(modelKey, maxDeaths: maxDeaths, now: clock.now)
    if entries.count >= Self.most {
      let idle = entries.filter { $0.value.users == 0 }.min { $0.value.lastUse < $1.value.lastUse }
      guard let idle else { throw Self.busy }
      remove(idle.key)
    }
    lastNumber += 1
    let number = lastNumber
    let launch = Task { [launcher] () async throws -> any InferenceEngine in
      let engine = try await launcher.launch(load) { _ in }
      Task { [weak self] in
        _ = await engine.waitUntilGone()
        await self?.gone(number, maxDeaths)
      }
      return engine
    }
    entries[number] = Entry(load: load, modelKey: modelKey, launch: launch, lastUse: clock.now)
    return number
  }

  private func leave(_ number: UInt64) {
    entries[number]?.users -= 1
    entries[number]?.lastUse = clock.now
    armTimer()
  }

  private func armTimer() {
    guard timer == nil, !isClosed, let oldest = entries.values.map(\.lastUse).min() else { return }
    timer = Task { [weak self, clock] in
      guard (try? await clock.sleep(until: oldest + Self.idleTime)) != nil else { return }
      await self?.tick()
    }
  }

  private func tick() {
    timer = nil
    for (number, entry) in entries where entry.users == 0 && entry.lastUse + Self.idleTime <= clock.now {
      remove(number)
    }
    armTimer()
  }

  private func remove(_ number: UInt64) {
    guard let launch = entries.removeValue(forKey: number)?.launch else { return }
    Task { await Self.end(launch) }
  }

  /// What is ended here is no entry any more before it goes, so this one died. Only the first notice finds it.
  private func gone(_ number: UInt64, _ maxDeaths: Int) {
    guard let entry = entries.removeValue(forKey: number) else { return }
    brake.died(entry.modelKey, maxDeaths: maxDeaths, now: clock.now)
  }

  private static func end(_ launch: Task<any InferenceEngine, any Error>) async {
    launch.cancel()
    await (try? launch.value)?.shutdown()
  }

  private static var busy: AtelierError {
    AtelierError(.serverBusy, "Tokens of other models are being counted. Try again in a moment.", retryAfter: 1)
  }
}
