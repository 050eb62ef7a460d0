import AtelierCore
import Foundation

/// Chooses the tokens of one sequence: logit bias, penalties, top-k, top-p, min-p, temperature, draw; with the arithmetic
/// and the random numbers of llama.cpp's chain of these samplers, so the same seed gives the same tokens. Its state is
/// the sequence's own, so neighbours never change a result.
package struct Sampler: Sendable {
  private let temperature: Float
  private let topK: Int
  private let topP: Float
  private let minP: Float
  private let repeatPenalty: Float
  private let presencePenalty: Float
  private let frequencyPenalty: Float
  private let bias: [(token: Int, value: Float)]
  private let topLogprobs: Int?

  private var window: PenaltyWindow
  private var random: MersenneTwister
  /// Random numbers drawn so far.
  package private(set) var draws = 0

  package struct Choice: Sendable {
    package var token: Int32
    /// Present when log probabilities were asked for: of the model's own distribution, before any sampler.
    package var probability: TokenProbability?
  }

  package enum Failure: Error, Sendable, Hashable {
    /// The model gave no number to choose by (NaN, or nothing above -infinity).
    case noFiniteLogit
    /// The grammar allows no token.
    case grammarExhausted

    package var message: String {
      switch self {
      case .noFiniteLogit: "the model produced no usable logits"
      case .grammarExhausted: "the required output format allows no further token"
      }
    }
  }

  /// Parameters that are nil take the built-in values; the seed is drawn. The prompt counts for the penalties; it ends with
  /// the answer so far, for which so many `draws` were made.
  package init(_ parameters: SamplingParameters, prompt: [Int32], draws: Int = 0, topLogprobs: Int? = nil) {
    let filled = parameters.filled(from: .builtIn)
    temperature = Float(filled.temperature ?? 0)
    topK = filled.topK ?? 0
    topP = Float(filled.topP ?? 1)
    minP = Float(filled.minP ?? 0)
    repeatPenalty = Float(filled.repeatPenalty ?? 1)
    presencePenalty = Float(filled.presencePenalty ?? 0)
    frequencyPenalty = Float(filled.frequencyPenalty ?? 0)
    bias = filled.logitBias.sorted { $0.key < $1.key }.map { token, value in
      (Int(token), value <= -100 ? -.infinity : Float(value))
    }
    self.topLogprobs = topLogprobs.map { max(0, $0) }
    window = PenaltyWindow(prompt: prompt)
    random = MersenneTwister(seed: filled.seed ?? UInt32.random(in: 0...UInt32.max))
    for _ in 0..<max(0, draws) { _ = random.nextUniform() }
    self.draws = draws
  }

  private var usesPenalties: Bool { repeatPenalty != 1 || presencePenalty != 0 || frequencyPenalty != 0 }

  /// Chooses the next token and takes it into the state, the constraint's too. Changes the logits.
  package mutating func sample(
    _ logits: UnsafeMutableBufferPointer<Float>, constraint: (any TokenConstraint)? = nil, scratch: SamplerScratch
  ) throws(Failure) -> Choice {
    scratch.prepare(logits.count)
    var top: [(token: Int32, logprob: Float)] = []
    var normalizer: Float = 0
    if let topLogprobs {
      let maximum = LogitScan.maximum(logits)
      guard maximum.isFinite else { throw .noFiniteLogit }
      normalizer = LogProbabilities.normalizer(logits, maximum: maximum)
      let count = TopSelection.select(
        topLogprobs, from: logits, maximum: maximum, into: scratch.candidates, histogram: scratch.histogram)
      top = (0..<count).map { (scratch.candidates[$0].token, scratch.candidates[$0].logit - normalizer) }
    }
    adjust(logits, scratch)
    guard var token = choose(logits, scratch) else { throw .noFiniteLogit }
    if let constraint, !constraint.allows(Int32(token)) {
      // As in llama.cpp: the refused draw counts, the grammar goes over the untouched logits, then everything again.
      for change in scratch.changed.reversed() { logits[change.token] = change.logit }
      scratch.changed.removeAll(keepingCapacity: true)
      constraint.mask(logits)
      adjust(logits, scratch)
      guard let allowed = choose(logits, scratch) else { throw .grammarExhausted }
      token = allowed
    }
    constraint?.accept(Int32(token))
    window.accept(Int32(token))
    guard topLogprobs != nil else { return Choice(token: Int32(token), probability: nil) }
    let raw = scratch.changed.first { $0.token == token }?.logit ?? logits[token]
    return Choice(token: Int32(token), probability: TokenProbability(logprob: raw - normalizer, top: top))
  }

  /// What the model's own distribution says of a token that was given. Changes neither the state nor the logits.
  package func score(
    _ token: Int32, in logits: UnsafeMutableBufferPointer<Float>, scratch: SamplerScratch
  ) -> TokenProbability {
    scratch.prepare(logits.count)
    let maximum = LogitScan.maximum(logits)
    guard maximum.isFinite, logits.indices.contains(Int(token)) else {
      return TokenProbability(logprob: -.infinity, top: [])
    }
    let normalizer = LogProbabilities.normalizer(logits, maximum: maximum)
    let count = TopSelection.select(
      topLogprobs ?? 0, from: logits, maximum: maximum, into: scratch.candidates, histogram: scratch.histogram)
    return TokenProbability(
      logprob: logits[Int(token)] - normalizer,
      top: (0..<count).map { (scratch.candidates[$0].token, scratch.candidates[$0].logit - normalizer) })
  }

  /// Bias and penalties, in place; what was there before goes to `scratch.changed`.
  private func adjust(_ logits: UnsafeMutableBufferPointer<Float>, _ scratch: SamplerScratch) {
    for (token, value) in bias where token >= 0 && token < logits.count {
      scratch.changed.append((token, logits[token]))
      logits[token] += value
    }
    guard usesPenalties else { return }
    for (token, count) in window.counts where token >= 0 && Int(token) < logits.count {
      let index = Int(token)
      scratch.changed.append((index, logits[index]))
      var logit = logits[index]
      // Dividing a negative logit would make the token likelier.
      if logit <= 0 { logit *= repeatPenalty } else { logit /= repeatPenalty }
      logits[index] = logit - (Float(count) * frequencyPenalty + presencePenalty)
    }
  }

  private mutating func choose(_ logits: UnsafeMutableBufferPointer<Float>, _ scratch: SamplerScratch) -> Int? {
    let maximum = LogitScan.maximum(logits)
    guard maximum.isFinite else { return nil }
    if temperature <= 0 { return LogitScan.firstIndex(of: maximum, in: logits) }
    let candidates = scratch.candidates
    var count: Int
    if topK > 0 {
      count = TopSelection.select(
        topK, from: logits, maximum: maximum, into: candidates, histogram: scratch.histogram)
      if topP < 1 { count = cutTopP(count, candidates, scratch.weights) }
      if minP > 0 { count = cutMinP(count, candidates) }
    } else if topP < 1 {
      count = selectTopP(logits, maximum, scratch)
      if minP > 0 { count = cutMinP(count, candidates) }
    } else {
      count = selectMinP(logits, maximum, candidates)
    }
    return Int(candidates[draw(count, maximum: maximum, candidates, scratch.weights)].token)
  }

  /// How many of the ordered candidates reach the mass `topP` together.
  private func cutTopP(
    _ count: Int, _ candidates: UnsafeMutablePointer<Candidate>, _ weights: UnsafeMutablePointer<Float>
  ) -> Int {
    let maximum = candidates[0].logit
    var sum: Float = 0
    for index in 0..<count {
      weights[index] = expf(candidates[index].logit - maximum)
      sum += weights[index]
    }
    var reached: Float = 0
    for index in 0..<count {
      reached += weights[index] / sum
      if reached >= topP { return index + 1 }
    }
    return count
  }

  /// Top-p over the whole vocabulary: takes as many of the best as it needs, not all in order.
  private func selectTopP(
    _ logits: UnsafeMutableBufferPointer<Float>, _ maximum: Float, _ scratch: SamplerScratch
  ) -> Int {
    let sum = LogitScan.exponentialSum(logits, maximum: maximum)
    var wanted = 256
    while true {
      let count = TopSelection.select(
        wanted, from: logits, maximum: maximum, into: scratch.candidates, histogram: scratch.histogram)
      var reached: Float = 0
      for index in 0..<count {
        reached += expf(scratch.candidates[index].logit - maximum) / sum
        if reached >= topP { return index + 1 }
      }
      if count == logits.count { return count }
      wanted = count * 16
    }
  }

  private func cutMinP(_ count: Int, _ candidates: UnsafeMutablePointer<Candidate>) -> Int {
    let border = candidates[0].logit + logf(minP)
    for index in 1..<max(1, count) where candidates[index].logit < border { return index }
    return count
  }

  /// Min-p over the whole vocabulary, in the vocabulary's order; everything when min-p is off.
  private func selectMinP(
    _ logits: UnsafeMutableBufferPointer<Float>, _ maximum: Float, _ candidates: UnsafeMutablePointer<Candidate>
  ) -> Int {
    let border = minP > 0 ? maximum + logf(minP) : -.infinity
    var count = 0
    LogitScan.forEach(in: logits, atLeast: border) { index, logit in
      candidates[count] = Candidate(logit: logit, token: Int32(index))
      count += 1
    }
    return count
  }

  /// Draws one of the candidates by the softmax of logit / temperature.
  private mutating func draw(
    _ count: Int, maximum: Float, _ candidates: UnsafeMutablePointer<Candidate>,
    _ weights: UnsafeMutablePointer<Float>
  ) -> Int {
    let uniform = random.nextUniform()
    draws += 1
    guard count > 1 else { return 0 }
    let greatest = maximum / temperature
    var sum = 0.0
    for index in 0..<count {
      weights[index] = expf(candidates[index].logit / temperature - greatest)
      sum += Double(weights[index])
    }
    let target = sum * uniform
    var reached = 0.0
    for index in 0..<count {
      reached += Double(weights[index])
      if reached >= target { return index }
    }
    return count - 1
  }
}
