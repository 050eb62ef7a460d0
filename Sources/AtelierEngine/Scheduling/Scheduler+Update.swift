extension Scheduler {
  /// Takes in a step that was carried out. `outcomes` are those of the parts that sample, in the plan's order;
  /// `milliseconds` is what the whole step took.
  package mutating func update(after plan: StepPlan, outcomes: [StepOutcome], milliseconds: Double) {
    work += plan.batch.count
    budget.record(decodeRows: plan.decodeRows, promptRows: plan.promptRows, milliseconds: milliseconds)
    var next = 0
    var ended: [(index: Int, end: SequenceEnd)] = []
    for part in plan.parts {
      advance(part.index, rows: part.rows)
      if part.sampledRow == nil {
        if running[part.index].remaining == 0 { ended.append((part.index, .maxTokens)) }
        continue
      }
      let outcome = next < outcomes.count ? outcomes[next] : .failed("the step gave no token")
      next += 1
      if let end = take(outcome, part.index) { ended.append((part.index, end)) }
    }
    ended.sort { $0.index > $1.index }
    for (index, end) in ended { self.end(running: index, end) }
  }

  /// The step's rows could not be computed: its sequences end, and nothing of them is kept.
  package mutating func fail(_ plan: StepPlan, message: String) {
    for index in plan.parts.map(\.index).sorted(by: >) {
      let sequence = running.remove(at: index)
      if let number = sequence.number { cache.drop(number) }
      emit(sequence.id, .finished(.failed(message)))
    }
  }

  /// Ends every live request.
  package mutating func endAll(_ end: SequenceEnd) {
    for index in running.indices.reversed() { self.end(running: index, end) }
    for sequence in parked + waiting { emit(sequence.id, .finished(end)) }
    parked.removeAll()
    waiting.removeAll()
  }

  private mutating func advance(_ index: Int, rows: Int) {
    guard let number = running[index].number else { return }
    let start = running[index].computed
    cache.append(running[index].tokens[start..<start + rows], to: number)
    running[index].computed = start + rows
    let processed = min(running[index].computed, running[index].promptCount)
    if processed > running[index].reported {
      running[index].reported = processed
      emit(
        running[index].id,
        .prompt(processed: processed, cached: running[index].cached ?? 0, total: running[index].promptCount))
    }
  }

  private mutating func take(_ outcome: StepOutcome, _ index: Int) -> SequenceEnd? {
    switch outcome {
    case .failed(let message): return .failed(message)
    case .end: return .endOfText
    case .token(let token, let probability):
      running[index].tokens.append(token)
      emit(running[index].id, .token(token, probability))
      if let limit = running[index].maxTokens, running[index].generated >= limit { return .maxTokens }
      return running[index].tokens.count >= limits.cellCount ? .contextFull : nil
    }
  }
}
