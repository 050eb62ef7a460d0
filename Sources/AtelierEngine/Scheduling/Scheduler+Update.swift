extension Scheduler {
  /// Takes in a step that was carried out. `outcomes` are those of the parts that sample, `scores` those of the parts with
  /// scored rows, both in the plan's order; `milliseconds` is what the whole step took.
  package mutating func update(
    after plan: StepPlan, outcomes: [StepOutcome], scores: [[TokenProbability]] = [], milliseconds: Double
  ) {
    work += plan.batch.rowCount
    budget.record(decodeRows: plan.decodeRows, promptRows: plan.promptRows, milliseconds: milliseconds)
    var next = 0
    var nextScores = 0
    var ended: [(index: Int, end: SequenceEnd)] = []
    for part in plan.parts {
      if !part.scoredRows.isEmpty, nextScores < scores.count {
        emit(part.id, .scored(scores[nextScores]))
        running[part.index].noteScores(scores[nextScores].count)
        nextScores += 1
      }
      advance(part.index, rows: part.rows)
      if part.sampledRow == nil {
        if running[part.index].remaining == 0 { ended.append((part.index, .maxTokens)) }
        continue
      }
      let outcome = next < outcomes.count ? outcomes[next] : .failed("the step gave no token")
      next += 1
      report(outcome, of: running[part.index].id)
      if let end = running[part.index].take(outcome, cellCount: limits.cellCount) { ended.append((part.index, end)) }
    }
    ended.sort { $0.index > $1.index }
    for (index, end) in ended { self.end(running: index, end) }
  }

  /// The tokens whose probabilities the part's scored rows tell.
  package func scoredTokens(of part: StepPlan.Part, in plan: StepPlan) -> ArraySlice<Int32> {
    guard !part.scoredRows.isEmpty else { return [] }
    let first = Int(plan.batch.positions[part.scoredRows.lowerBound]) + 1
    return running[part.index].tokens[first..<first + part.scoredRows.count]
  }

  /// The prompt whose last token is among the part's rows, if other requests may profit from it.
  package func prompt(endedBy part: StepPlan.Part) -> [Int32]? {
    let sequence = running[part.index]
    return sequence.generated == 0 && sequence.cacheable ? sequence.tokens : nil
  }

  /// Whether a first token is of use now: it ends the request, or the request can go on at once.
  package func canAnswerAtOnce(_ id: UInt64) -> Bool {
    guard let sequence = waiting.first(where: { $0.id == id }), !sequence.isScoring, sequence.maxTokens != 0 else {
      return false
    }
    return sequence.maxTokens == 1 || (running.count < limits.parallel && parked.isEmpty && waiting.count == 1)
  }

  /// Takes the first token of a waiting request, chosen without a step.
  package mutating func answerAtOnce(_ id: UInt64, _ outcome: StepOutcome) {
    guard let index = waiting.firstIndex(where: { $0.id == id }) else { return }
    var sequence = waiting.remove(at: index)
    let count = sequence.promptCount
    // As everywhere, the last token of a prompt is not counted as cached: its logits have to come from somewhere.
    sequence.cached = count - 1
    sequence.reported = count
    emit(id, .prompt(processed: count, cached: count - 1, total: count))
    report(outcome, of: id)
    if let end = sequence.take(outcome, cellCount: limits.cellCount) {
      emit(id, .finished(end))
    } else {
      sequence.expectedRemaining += 1
      waiting.insert(sequence, at: index)
    }
  }

  /// The step's rows could not be computed: its sequences end, and nothing of them is kept.
  package mutating func fail(_ plan: StepPlan, message: String) {
    for index in plan.parts.map(\.index).sorted(by: >) {
      let sequence = running.remove(at: index)
      if let number = sequence.number { cache.drop(number) }
      forgetClient(sequence.client)
      emit(sequence.id, .finished(.failed(message)))
    }
  }

  /// Ends every live request.
  package mutating func endAll(_ end: SequenceEnd) {
    for index in running.indices.reversed() { self.end(running: index, end) }
    for sequence in parked + waiting { emit(sequence.id, .finished(end)) }
    parked.removeAll()
    waiting.removeAll()
    turns.removeAll()
  }

  private mutating func report(_ outcome: StepOutcome, of id: UInt64) {
    if case .token(let token, let probability, let draws) = outcome {
      emit(id, .token(token, probability, draws: draws))
    }
  }

  private mutating func advance(_ index: Int, rows: Int) {
    guard let number = running[index].number else { return }
    let start = running[index].computed
    cache.append(running[index].tokens[start..<start + rows], to: number)
    running[index].computed = start + rows
    if start + rows >= running[index].nextStop { saveCheckpoint(running: index) }
    let processed = min(running[index].computed, running[index].promptCount)
    if processed > running[index].reported {
      running[index].reported = processed
      emit(
        running[index].id,
        .prompt(processed: processed, cached: running[index].cached ?? 0, total: running[index].promptCount))
    }
  }
}
