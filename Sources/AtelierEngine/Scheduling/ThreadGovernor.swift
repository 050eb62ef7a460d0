/// How many threads a step of few rows uses: it measures. ggml's threads wait for each other after every operation, so a
/// second thread helps less the smaller the model is, and does harm as soon as it has to share its core: with another
/// process, with another model's engine, or with the threads that carry the answers to their clients. None of that can be
/// known beforehand, and the best count differs with the number of rows; so each number of rows has a count that holds,
/// and now and then another count is tried for a few steps, ever more rarely while the old one stays the best, at once
/// when steps become slow.
///
/// Steps of many rows are prompts, where all threads have enough to do that sharing a core costs no more than the core.
package struct ThreadGovernor: Sendable {
  /// From here on all threads are used.
  private static let manyRows = 16

  /// Counts to choose from, most first.
  package let choices: [Int]
  /// By the number of rows, less one.
  private var tables: [Table]

  package init(maximum: Int) {
    var choices = [max(1, maximum)]
    while let last = choices.last, last > 1 { choices.append(last / 2) }
    self.choices = choices
    tables = Array(repeating: Table(), count: Self.manyRows - 1)
  }

  /// What the next step should use, with that many rows.
  package func threads(rows: Int) -> Int {
    guard choices.count > 1, rows > 0, rows < Self.manyRows else { return choices[0] }
    return choices[tables[rows - 1].choice]
  }

  /// Takes in what a step took that used `threads(rows:)`.
  package mutating func record(rows: Int, seconds: Double) {
    guard choices.count > 1, rows > 0, rows < Self.manyRows, seconds > 0 else { return }
    switch tables[rows - 1].record(seconds, choices: choices.count) {
    case .nothing: break
    case .surprise:
      for index in tables.indices where index != rows - 1 { tables[index].hasten() }
    case .fewerAreTooFew:
      // They are so for more rows, too.
      for index in tables.indices.dropFirst(rows) { tables[index].postpone(like: tables[rows - 1]) }
    }
  }
}

/// What is known about steps of one number of rows.
private struct Table: Sendable {
  private static let firstTrial = 8
  private static let rarestTrial = 512
  private static let trialSteps = 3
  /// A count is taken only if it is faster by more than the noise.
  private static let gain = 0.97
  /// Steps so much slower than they used to be say that something has changed.
  private static let surprise = 1.3
  private static let patience = 0.05
  /// A trial step so much slower needs no second one.
  private static let clearLoss = 1.25

  /// What others put off at most: what one table knows may be out of date for another.
  private static let longestPostponement = 64

  enum Finding {
    case nothing
    /// Steps have become slow.
    case surprise
    /// Clearly so.
    case fewerAreTooFew
  }

  private var current = 0
  private var trial: Int?
  private var times = RecentTimes()
  private var trialTimes = RecentTimes()
  /// What steps with the current count use to take.
  private var usual: Double?
  private var untilTrial = firstTrial
  private var interval = firstTrial
  private var triesFewer = true

  var choice: Int { trial ?? current }

  mutating func record(_ seconds: Double, choices: Int) -> Finding {
    if let trial {
      trialTimes.add(seconds)
      let isClear = seconds > times.median * Self.clearLoss
      guard trialTimes.count == Self.trialSteps || isClear else { return .nothing }
      let isFewer = trial > current
      return !decide(trial) && isClear && isFewer ? .fewerAreTooFew : .nothing
    }
    times.add(seconds)
    guard times.isFull else { return .nothing }
    untilTrial -= 1
    let median = times.median
    var finding = Finding.nothing
    if let usual, median > usual * Self.surprise {
      finding = .surprise
      interval = Self.firstTrial
      untilTrial = 0
      self.usual = median
    } else {
      usual = usual.map { $0 + Self.patience * (median - $0) } ?? median
    }
    if untilTrial <= 0 { begin(choices: choices) }
    return finding
  }

  /// No trial before the other table's next one, if it has found the same count the best.
  mutating func postpone(like other: Table) {
    guard current == other.current, trial == nil else { return }
    untilTrial = max(untilTrial, min(Self.longestPostponement, other.untilTrial))
  }

  /// A trial soon.
  mutating func hasten() {
    interval = Self.firstTrial
    untilTrial = min(untilTrial, Self.firstTrial)
  }

  /// One step along the list, to either side in turn.
  private mutating func begin(choices: Int) {
    let (first, second) = triesFewer ? (current + 1, current - 1) : (current - 1, current + 1)
    trial = first >= 0 && first < choices ? first : second
    triesFewer.toggle()
    trialTimes = RecentTimes()
  }

  /// False: it stays as it is.
  private mutating func decide(_ tried: Int) -> Bool {
    trial = nil
    let isBetter = trialTimes.median < times.median * Self.gain
    if isBetter {
      current = tried
      times = trialTimes
      usual = nil
      interval = Self.firstTrial
    } else {
      interval = min(Self.rarestTrial, interval * 2)
    }
    untilTrial = interval
    return isBetter
  }
}

/// The times of the last few steps.
private struct RecentTimes: Sendable {
  private static let size = 5

  private var ring = SIMD8<Double>(repeating: .infinity)
  private var next = 0
  private(set) var count = 0

  var isFull: Bool { count == Self.size }

  mutating func add(_ seconds: Double) {
    ring[next] = seconds
    next = (next + 1) % Self.size
    count = min(Self.size, count + 1)
  }

  /// The middle one; of an even number, the greater of the two.
  var median: Double {
    for index in 0..<count {
      var below = 0
      var same = 0
      for other in 0..<count {
        if ring[other] < ring[index] { below += 1 } else if ring[other] == ring[index] { same += 1 }
      }
      if below <= count / 2 && count / 2 < below + same { return ring[index] }
    }
    return .infinity
  }
}
