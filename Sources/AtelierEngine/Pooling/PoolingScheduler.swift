import AtelierCore

/// Decides which inputs an engine step turns into vectors. A pure value without a clock, a model or a thread; per step:
/// `schedule()`, then the caller computes the lanes, then `update(with:)` or `failStep(message:)`. Between these nothing
/// else is called. `takeOutput()` hands over the events that have come up.
///
/// A sibling of `Scheduler` and not a part of it: that one's work is to share memory among sequences that live for many
/// steps, and here no input outlives its step. What they have in common is the queue and who comes first.
///
/// A step takes inputs of all requests: of the one with the fewest tokens left first, with ageing, and what room it leaves
/// goes to the next.
package struct PoolingScheduler: Sendable {
  private struct Live: Sendable {
    let id: UInt64
    let inputs: [[Int32]]
    /// Tokens the engine had computed when this was submitted; what makes waiting count.
    let workAtSubmit: Int
    /// Inputs are served in their order: those before this one have their vector, or are in the step under way.
    var next = 0
    var tokensLeft: Int
    var vectorsLeft: Int

    init(_ request: PoolingRequest, workAtSubmit: Int) {
      id = request.id
      inputs = request.inputs
      self.workAtSubmit = workAtSubmit
      tokensLeft = request.inputs.reduce(0) { $0 + $1.count }
      vectorsLeft = request.inputs.count
    }

    var isRunning: Bool { next > 0 }
    /// Lower comes first; as `SequenceState.rank`.
    var rank: Int { 2 * tokensLeft + workAtSubmit }
  }

  private let limits: PoolingLimits
  /// In the order of submission.
  private var live: [Live] = []
  private var plan: PoolingPlan
  private var output = StepOutput()
  /// Tokens computed so far.
  private var work = 0

  package init(limits: PoolingLimits) {
    self.limits = limits
    plan = PoolingPlan(limits: limits)
  }

  /// Requests of which something is computed or being computed.
  package var runningCount: Int { live.count { $0.isRunning } }
  package var waitingCount: Int { live.count - runningCount }
  package var liveCount: Int { live.count }
  package var hasWork: Bool { !live.isEmpty }
  package var hasOutput: Bool { !output.entries.isEmpty }

  /// Throws when the request can never be served (`contextLengthExceeded`, `invalidValue`, with `param` `input.N`), not
  /// now (`serverBusy`), or when its id is in use.
  package mutating func submit(_ request: PoolingRequest) throws(AtelierError) {
    guard !request.inputs.isEmpty else { throw AtelierError(.invalidValue, "There is no input.", param: "input") }
    for (index, input) in request.inputs.enumerated() { try check(input, index: index) }
    guard !live.contains(where: { $0.id == request.id }) else {
      throw AtelierError(.internalError, "A request with this id is already being served.")
    }
    let new = Live(request, workAtSubmit: work)
    let queued = live.reduce(0) { $0 + $1.tokensLeft }
    guard live.count < limits.parallel + limits.maxWaiting,
      live.isEmpty || queued + new.tokensLeft <= limits.maxQueuedTokens
    else {
      throw AtelierError(
        .serverBusy, "Too many requests are waiting for this model. Try again later.",
        retryAfter: min(60, max(1, liveCount / limits.parallel)))
    }
    live.append(new)
  }

  /// Ends the request; false if it is not live.
  @discardableResult
  package mutating func cancel(_ id: UInt64) -> Bool {
    guard let index = live.firstIndex(where: { $0.id == id }) else { return false }
    end(index, .cancelled)
    return true
  }

  /// The inputs of the next step by lane, the empty lanes last; all empty when nothing is live.
  package mutating func schedule() -> [[[Int32]]] {
    plan.removeAll()
    var large = live.count { isLarge($0) && $0.isRunning }
    // The earlier one first among equals.
    for index in live.indices.sorted(by: { (live[$0].rank, $0) < (live[$1].rank, $1) }) {
      if isLarge(live[index]), !live[index].isRunning {
        guard large < limits.parallel else { continue }
        take(index)
        if live[index].isRunning { large += 1 }
      } else {
        take(index)
      }
    }
    plan.balance()
    return plan.lanes.map { $0.map(\.tokens) }
  }

  /// Takes in the vectors of the step, in the shape that `schedule` gave.
  package mutating func update(with vectors: [[[Float]]]) {
    guard vectors.map(\.count) == plan.lanes.map(\.count) else {
      return failStep(message: "the runner gave vectors of another number than there were inputs")
    }
    work += plan.rowCount
    output.entries.reserveCapacity(output.entries.count + 2 * limits.inputsPerLane)
    for (lane, laneVectors) in zip(plan.lanes, vectors) {
      for (item, vector) in zip(lane, laneVectors) {
        guard let index = live.firstIndex(where: { $0.id == item.id }) else { continue }
        emit(item.id, .pooled(input: item.input, vector: vector))
        live[index].vectorsLeft -= 1
        if live[index].vectorsLeft == 0 { end(index, .endOfText) }
      }
    }
    plan.removeAll()
  }

  /// The step could not be computed: the requests with inputs in it end.
  package mutating func failStep(message: String) {
    let ids = Set(plan.items.map(\.id))
    plan.removeAll()
    for index in live.indices.reversed() where ids.contains(live[index].id) { end(index, .failed(message)) }
  }

  /// Ends every live request.
  package mutating func endAll(_ end: SequenceEnd) {
    for request in live { emit(request.id, .finished(end)) }
    live.removeAll()
  }

  /// The events since the last call.
  package mutating func takeOutput() -> StepOutput {
    defer { output = StepOutput() }
    return output
  }

  private func check(_ input: [Int32], index: Int) throws(AtelierError) {
    guard !input.isEmpty else {
      throw AtelierError(.invalidValue, "Input \(index) is empty.", param: "input.\(index)")
    }
    guard input.count <= limits.maxInputTokens else {
      throw AtelierError(
        .contextLengthExceeded,
        "Input \(index) has \(input.count) tokens, and the model takes at most \(limits.maxInputTokens). "
          + "Shorten the input.",
        param: "input.\(index)",
        details: [
          "prompt_tokens": .integer(Int64(input.count)), "context_length": .integer(Int64(limits.maxInputTokens)),
        ])
    }
  }

  private func isLarge(_ request: Live) -> Bool { request.inputs.count > limits.inputsPerStep }

  /// Takes what fits of the request's inputs.
  private mutating func take(_ index: Int) {
    while live[index].next < live[index].inputs.count {
      let input = live[index].next
      let tokens = live[index].inputs[input]
      guard plan.take(PoolingPlan.Item(id: live[index].id, input: input, tokens: tokens)) else { return }
      live[index].next += 1
      live[index].tokensLeft -= tokens.count
    }
  }

  private mutating func end(_ index: Int, _ end: SequenceEnd) {
    emit(live.remove(at: index).id, .finished(end))
  }

  private mutating func emit(_ id: UInt64, _ event: SequenceEvent) {
    output.entries.append(StepOutput.Entry(id: id, event: event))
  }
}
