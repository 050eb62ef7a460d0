/// The number of threads for steps of about one number of rows, as an index into the governor's list of counts, most first.
struct ThreadChoice: Sendable {
  /// What a step took.
  struct Step {
    /// For a row.
    var seconds: Double
    /// The part of that time in which the thread that called had a core.
    var busyShare: Double
  }

  enum Finding {
    case nothing
    /// Steps have become slow.
    case surprise
    /// A thread may have lacked a core; fewer are tried next.
    case suspicion
    /// More threads were tried, were much slower and lacked a core.
    case contention
    /// More threads are faster than those used so far.
    case moreAreBetter
    /// Clearly so.
    case fewerAreTooFew
  }

  private static let firstTrial = 8
  private static let rarestTrial = 512
  private static let trialSteps = 3
  /// Trials in vain may cost this part of the time.
  private static let trialShare = 0.02
  private static let longestPause = 8192.0
  /// Where more threads used to be faster, a trial in vain may cost what they would have gained since the one before, over this.
  private static let regret = 4.0
  /// A count is taken only if it is faster by more than the noise.
  private static let gain = 0.97
  /// Steps so much slower than they used to be say that something has changed.
  private static let surprise = 1.3
  private static let patience = 0.05
  /// A trial step so much slower, or faster, needs no second one.
  private static let clearLoss = 1.25
  private static let clearGain = 0.67
  /// With a core for less of the time a thread has waited for others, or for its turn.
  private static let leastBusyShare = 0.75
  /// Before a count that was taken on a mere suspicion is compared with the one before.
  private static let stepsOnSuspicion = 2
  /// The same, if other numbers of rows have been compared.
  private static let stepsOnWord = 32
  /// What others put off at most: what one entry knows may be out of date for another.
  private static let longestPostponement = 64

  /// Of many rows: a step takes long, so that a single one decides, and no trial is made without a sign.
  let isWide: Bool
  private var current = 0
  private var trial: Int?
  private var times = RecentTimes()
  private var trialTimes = RecentTimes()
  /// What steps with the current count use to take.
  private var usual: Double?
  /// The same of the count before, which was greater.
  private var usualOfMore: Double?
  private var untilTrial = firstTrial
  /// Between trials of fewer threads at least.
  private var interval = firstTrial
  /// Between trials of more at least: they are not as rare, as what took a core may be gone.
  private var leastPause = 1
  /// What the last trial in vain cost, in steps.
  private var lastLoss = 0.0
  private var triesFewer = true
  /// Steps until a sign counts again: those that led to trials in vain must not do so too often.
  private var untilSuspicion = 0
  /// How soon a count is compared that is taken without a comparison.
  private var stepsUnproven = 0

  init(isWide: Bool) { self.isWide = isWide }

  var choice: Int { trial ?? current }

  mutating func record(_ step: Step, choices: Int) -> Finding {
    let lacksCore = step.busyShare < Self.leastBusyShare && choice < choices - 1
    guard trial == nil else { return take(step, lacksCore: lacksCore) }
    untilTrial -= 1
    untilSuspicion -= 1
    if lacksCore, untilSuspicion <= 0 {
      times = RecentTimes()
      times.add(step.seconds)
      begin(current + 1, stepsUnproven: Self.stepsOnSuspicion)
      return .suspicion
    }
    times.add(step.seconds)
    var finding = Finding.nothing
    if times.isFull {
      let median = times.median
      if !isWide, let usual, median > usual * Self.surprise {
        finding = .surprise
        interval = Self.firstTrial
        // Once the slowness has cost as much as the last trial in vain did.
        untilTrial = min(untilTrial, Int(min(Self.longestPause, lastLoss / (median / usual - 1))))
        self.usual = median
      } else {
        usual = usual.map { $0 + Self.patience * (median - $0) } ?? median
      }
    }
    if untilTrial <= 0, times.count >= (isWide ? 1 : Self.trialSteps) { beginNext(choices: choices) }
    return finding
  }

  /// No trial before the other entry's next one, if it has found the same count the best.
  mutating func postpone(like other: ThreadChoice) {
    guard current == other.current, trial == nil else { return }
    untilTrial = max(untilTrial, min(Self.longestPostponement, other.untilTrial))
  }

  /// A trial soon, unless the last one was dear.
  mutating func hasten() {
    interval = Self.firstTrial
    untilTrial = min(untilTrial, max(Self.firstTrial, Int(lastLoss * Self.regret)))
  }

  /// Fewer threads from the next step on, without a comparison: what was measured before no longer holds.
  mutating func suspect(isCertain: Bool, choices: Int) {
    guard trial == nil, current < choices - 1, isCertain || untilSuspicion <= 0 else { return }
    times = RecentTimes()
    begin(current + 1, stepsUnproven: isCertain ? Self.stepsOnWord : Self.stepsOnSuspicion)
  }

  /// More threads at the next step, or the suspicion dropped that has not been followed yet.
  mutating func relieve() {
    if let trial, trial > current, trialTimes.count == 0 {
      self.trial = nil
    } else if trial == nil, current > 0 {
      begin(current - 1)
    }
  }

  /// One step along the list, to either side in turn.
  private mutating func beginNext(choices: Int) {
    if isWide {
      guard current > 0 else { return }
      return begin(current - 1)
    }
    let (first, second) = triesFewer ? (current + 1, current - 1) : (current - 1, current + 1)
    triesFewer.toggle()
    begin(first >= 0 && first < choices ? first : second)
  }

  private mutating func begin(_ choice: Int, stepsUnproven: Int = 0) {
    trial = choice
    trialTimes = RecentTimes()
    self.stepsUnproven = stepsUnproven
  }

  /// A step of a trial.
  private mutating func take(_ step: Step, lacksCore: Bool) -> Finding {
    guard let tried = trial else { return .nothing }
    trialTimes.add(step.seconds)
    let before = times.median
    let isClear = step.seconds > before * Self.clearLoss || before < .infinity && step.seconds < before * Self.clearGain
    guard isWide || isClear || trialTimes.count == Self.trialSteps else { return .nothing }
    trial = nil
    let isFewer = tried > current
    let ratio = trialTimes.median / before
    if ratio < Self.gain {
      usualOfMore = isFewer ? usual : nil
      usual = nil
      current = tried
      times = trialTimes
      interval = Self.firstTrial
      leastPause = 1
      untilTrial = stepsUnproven > 0 ? stepsUnproven : interval
      return isFewer ? .nothing : .moreAreBetter
    }
    let loss = (ratio - 1) * Double(trialTimes.count)
    lastLoss = loss
    var pause = min(Self.longestPause, loss / Self.trialShare)
    if !isFewer, let usualOfMore, usualOfMore < before * Self.gain {
      pause = min(pause, loss / (1 - usualOfMore / before) * Self.regret)
    }
    if isFewer {
      interval = min(Self.rarestTrial, interval * 2)
      untilTrial = max(interval, Int(pause))
      // A sign that has led astray is trusted as rarely as others are tried: engines that compute elsewhere show it always.
      untilSuspicion = stepsUnproven > 0 ? untilTrial : Int(pause)
      return isClear ? .fewerAreTooFew : .nothing
    }
    leastPause = min(Self.rarestTrial, leastPause * 2)
    untilTrial = max(leastPause, Int(pause))
    return lacksCore && ratio > 1 / Self.clearGain ? .contention : .nothing
  }
}
