/// How many threads a step uses: it measures. ggml's threads wait for each other after every operation, so a second thread
/// helps less the smaller the model and the fewer the rows are, and does harm as soon as it has to share its core: with
/// another process, with another model's engine, or with the threads that carry the answers to their clients. None of that
/// can be known beforehand, and the best count differs with the number of rows; so each number of rows (each power of two,
/// where they are many) has a count that holds.
///
/// Now and then another count is tried for a few steps, ever more rarely while the old one stays the best, and the more
/// rarely the more it costs. Steps of many rows are prompts: quiet, all threads serve them best, and a trial would cost a
/// whole such step, so they try fewer threads only on a sign. The sign is a step whose engine thread had no core, or nothing
/// to do, for much of the time: a thread of it waited for its turn, and all others for that thread.
package struct ThreadGovernor: Sendable {
  /// From here on one entry stands for a power of two.
  private static let manyRows = 16
  /// For numbers of rows from `manyRows` on: 16 to 31, …, 2,048 and more.
  private static let classes = 8

  /// Counts to choose from, most first.
  package let choices: [Int]
  private var entries: [ThreadChoice]
  /// More threads were found to be slower because one of them had to share its core.
  private var isContended = false

  package init(maximum: Int) {
    var choices = [max(1, maximum)]
    while let last = choices.last, last > 1 { choices.append(last / 2) }
    self.choices = choices
    entries = (0..<Self.manyRows - 1 + Self.classes).map { ThreadChoice(isWide: $0 >= Self.manyRows - 1) }
  }

  /// What the next step should use, with that many rows.
  package func threads(rows: Int) -> Int {
    guard choices.count > 1, rows > 0 else { return choices[0] }
    return choices[entries[Self.index(rows)].choice]
  }

  /// Takes in what a step took that used `threads(rows:)`, and how long the thread that called it had a core meanwhile.
  package mutating func record(rows: Int, seconds: Double, processorSeconds: Double) {
    guard choices.count > 1, rows > 0, seconds > 0 else { return }
    let step = ThreadChoice.Step(seconds: seconds / Double(rows), busyShare: processorSeconds / seconds)
    let own = Self.index(rows)
    switch entries[own].record(step, choices: choices.count) {
    case .nothing: break
    case .surprise:
      for index in entries.indices where index != own { entries[index].hasten() }
    case .suspicion:
      // Not for many rows, where a trial in vain costs most.
      for index in entries.indices where index != own && !entries[index].isWide {
        entries[index].suspect(isCertain: false, choices: choices.count)
      }
    case .contention:
      isContended = true
      for index in entries.indices where index != own {
        entries[index].suspect(isCertain: true, choices: choices.count)
      }
    case .moreAreBetter:
      guard isContended else { break }
      isContended = false
      for index in entries.indices where index != own { entries[index].relieve() }
    case .fewerAreTooFew:
      // They are so for more rows, too.
      for index in entries.indices.dropFirst(own + 1) { entries[index].postpone(like: entries[own]) }
    }
  }

  private static func index(_ rows: Int) -> Int {
    guard rows >= manyRows else { return rows - 1 }
    let power = Int.bitWidth - 1 - rows.leadingZeroBitCount
    return manyRows - 1 + min(classes - 1, power - manyRows.trailingZeroBitCount)
  }
}
