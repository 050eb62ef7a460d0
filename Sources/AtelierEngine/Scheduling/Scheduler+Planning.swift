extension Scheduler {
  /// Plans the next step. Its actions hold also when its rows are not computed; rows that were not computed may be
  /// planned again by another call.
  package mutating func schedule(into plan: inout StepPlan) {
    plan.actions.removeAll(keepingCapacity: true)
    plan.removeRows()
    admit()
    // Each turn but the last parks a sequence.
    while !running.isEmpty {
      planDecoding(&plan)
      planPrompts(&plan)
      if !plan.isEmpty { break }
      guard let youngest = youngestRunning else { break }
      giveWay(running: youngest)
    }
    parkIdle(&plan)
    plan.batch.cellsInUse = cache.tree.cells
    swap(&plan.actions, &cache.actions)
  }

  /// Idle sequences leave the cells, one per step, where that delays no prompt; where they are many, also there.
  private mutating func parkIdle(_ plan: inout StepPlan) {
    guard !plan.isEmpty, let limit = cache.idleCellLimit else { return }
    cache.parkIdle(beyond: plan.promptRows == 0 ? limit : 4 * limit)
  }

  /// The rows did not fit after all: makes room by force. False when nothing can give way (then the only sequence has
  /// been ended as `contextFull`).
  @discardableResult
  package mutating func makeRoomAfterRefusal() -> Bool {
    if cache.dropOldestEntry() { return true }
    if let youngest = youngestRunning {
      giveWay(running: youngest)
      return true
    }
    if !running.isEmpty { end(running: 0, .contextFull) }
    return false
  }

  /// What became of a `park` action of the plan; bytes, or nil when the runner could not keep the cells.
  package mutating func noteParked(_ segment: UInt64, bytes: Int?) { cache.noteParked(segment, bytes: bytes) }

  /// The runner could not carry out an `unpark`.
  package mutating func loseParked(_ segment: UInt64) { cache.loseParked(segment) }

  /// The runner could not cut the sequence and forgot it whole.
  package mutating func lose(sequence number: Int) {
    cache.lose(number)
    guard let index = running.firstIndex(where: { $0.number == number }) else { return }
    running[index].computed = 0
    running[index].setStops(cache.checkpointStops(for: running[index].tokens), spacing: cache.checkpointSpacing)
  }

  private mutating func planDecoding(_ plan: inout StepPlan) {
    while true {
      let rows = running.count { $0.isDecoding }
      if cache.makeRoom(rows) { break }
      guard let youngest = youngestRunning else { return }
      giveWay(running: youngest)
    }
    for index in running.indices where running[index].isDecoding { add(index, rows: 1, to: &plan) }
    plan.batch.decodeRows = plan.batch.count
  }

  private mutating func planPrompts(_ plan: inout StepPlan) {
    promptOrder.removeAll(keepingCapacity: true)
    for index in running.indices where !running[index].isDecoding { promptOrder.append((rank(index), index)) }
    guard !promptOrder.isEmpty else { return }
    orderPrompts()
    let room = budget.promptTokens(decodeRows: plan.decodeRows)
    var left = min(limits.maxBatchRows - plan.batch.count, room)
    var scoredLeft = limits.scoredRows
    for (_, index) in promptOrder where left > 0 {
      let segment = running[index].segment
      let isWhole = segment.picture?.embedding.isWhole ?? false
      let piece = min(segment.rows, running[index].nextStop - running[index].computed)
      // A narrow piece of a prompt costs more than it brings, and would leave another one at its end.
      if !isWhole, plan.promptRows > 0, room >= PromptBudget.wideRows, left < min(piece, PromptBudget.wideRows) {
        continue
      }
      // A picture that cannot be divided goes beyond the budget.
      let scorable = running[index].rows(scoringAtMost: scoredLeft)
      // Others have taken the logits of this step.
      guard scorable > 0 else { continue }
      let wanted =
        isWhole
        ? segment.rows
        : min(PromptBudget.rows(of: piece, room: left), scorable, limits.maxBatchRows - plan.batch.count)
      let planned = plan.batch.rowCount
      cache.makeRoom(planned + wanted)
      let rows = min(wanted, cache.freeCells - planned)
      guard rows > 0, !isWhole || rows == wanted else { return }
      if let picture = segment.picture {
        add(index, rows: rows, of: picture, to: &plan)
      } else {
        add(index, rows: rows, to: &plan)
        scoredLeft -= plan.parts.last?.scoredRows.count ?? 0
      }
      left -= rows
    }
  }

  /// By rank; but what comes first for its age and not for being short leaves every other step to the shorter ones.
  private mutating func orderPrompts() {
    promptOrder.sort { $0 < $1 }
    guard let first = promptOrder.first else { return }
    let remaining = running[first.index].remaining
    guard promptOrder.contains(where: { running[$0.index].remaining < remaining }) else { return }
    isTurnOfShorter.toggle()
    if isTurnOfShorter {
      promptOrder.sort { (running[$0.index].remaining, $0.index) < (running[$1.index].remaining, $1.index) }
    }
  }

  /// A leader is as urgent as the most urgent of those that wait for it.
  private func rank(_ index: Int) -> Int {
    let sequence = running[index]
    var rank = sequence.rank(remaining: sequence.remaining)
    for follower in waiting {
      guard let leader = follower.leader, leader.id == sequence.id, leader.until > sequence.computed else { continue }
      rank = min(rank, follower.rank(remaining: follower.promptCount - sequence.computed))
    }
    return rank
  }

  private func add(_ index: Int, rows: Int, of picture: MediaSpan, to plan: inout StepPlan) {
    let sequence = running[index]
    guard let number = sequence.number else { return }
    let first = sequence.computed - picture.start
    plan.batch.append(
      Batch.MediaRows(
        embedding: picture.embedding, rows: first..<first + rows, position: sequence.computed, sequence: number))
    plan.parts.append(StepPlan.Part(id: sequence.id, index: index, rows: rows, sampledRow: nil))
  }

  private func add(_ index: Int, rows: Int, to plan: inout StepPlan) {
    let sequence = running[index]
    guard let number = sequence.number else { return }
    let end = sequence.computed + rows
    let completes = end == sequence.tokens.count
    let samples = completes && !(sequence.maxTokens.map { sequence.generated >= $0 } ?? false)
    let scoring = sequence.scoringPositions(before: end)
    let firstRow = plan.batch.count
    for position in sequence.computed..<end {
      plan.batch.append(
        token: sequence.tokens[position], position: position, sequence: number,
        logits: (samples && position == end - 1) || scoring.contains(position))
    }
    let scoredStart = firstRow + scoring.lowerBound - sequence.computed
    plan.parts.append(
      StepPlan.Part(
        id: sequence.id, index: index, rows: rows, sampledRow: samples ? firstRow + rows - 1 : nil,
        scoredRows: scoredStart..<scoredStart + scoring.count))
  }
}
