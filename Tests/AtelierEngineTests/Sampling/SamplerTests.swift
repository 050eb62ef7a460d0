import AtelierCore
import AtelierEngine
import AtelierTesting
import Foundation
import Testing

struct SamplerTests {
  private static func logits(_ count: Int, seed: UInt64, spread: Float = 12) -> [Float] {
    var random = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Float(random.next() >> 40) / Float(1 << 24) * spread - spread / 2 }
  }

  private static func sample(
    _ sampler: inout Sampler, _ logits: [Float], _ scratch: SamplerScratch, constraint: (any TokenConstraint)? = nil
  ) throws -> Sampler.Choice {
    var copy = logits
    return try copy.withUnsafeMutableBufferPointer { try sampler.sample($0, constraint: constraint, scratch: scratch) }
  }

  struct Case: Sendable, CustomTestStringConvertible {
    var vocabulary: Int
    var temperature = 0.8
    var topK = 40
    var topP = 0.95
    var minP = 0.05
    var repeatPenalty = 1.1
    var presence = 0.0
    var frequency = 0.0
    var spread: Float = 12

    var testDescription: String {
      "\(vocabulary) tokens, temperature \(temperature), k \(topK), p \(topP), min \(minP)"
    }
    var prompt: [Int32] { (0..<90).map { Int32($0 * 7 % vocabulary) } }
    var parameters: SamplingParameters {
      SamplingParameters(
        temperature: temperature, topP: topP, topK: topK, minP: minP, repeatPenalty: repeatPenalty,
        presencePenalty: presence, frequencyPenalty: frequency, seed: 7)
    }
  }

  /// The first ones are those of `LlamaCppTokens`, in its order.
  private static let cases: [Case] = [
    Case(vocabulary: 50), Case(vocabulary: 3000), Case(vocabulary: 3000, topK: 0),
    Case(vocabulary: 3000, topK: 0, minP: 0, spread: 2), Case(vocabulary: 3000, topK: 700, topP: 1, minP: 0),
    Case(vocabulary: 3000, topK: 0, topP: 1), Case(vocabulary: 3000, topK: 0, topP: 1, minP: 0),
    Case(vocabulary: 3000, temperature: 0),
    Case(vocabulary: 3000, temperature: 1.7, topK: -1, topP: 0.3, minP: 0, spread: 1),
    Case(vocabulary: 3000, repeatPenalty: 1.3, presence: 0.5, frequency: 0.25),
    Case(vocabulary: 7, topK: 100, topP: 0.999, minP: 0),
    Case(vocabulary: 3000, topK: 300, topP: 0.99, minP: 0.001, spread: 60),
    Case(vocabulary: 3000, topK: 1), Case(vocabulary: 1), Case(vocabulary: 3000, topP: 0),
  ]

  @Test(arguments: zip(cases, LlamaCppTokens.chosen))
  func choosesWhatLlamaCppChose(_ example: Case, tokens: [Int32]) throws {
    var sampler = Sampler(example.parameters, prompt: example.prompt)
    let scratch = SamplerScratch(vocabularySize: example.vocabulary)
    for (step, token) in tokens.enumerated() {
      let logits = Self.logits(example.vocabulary, seed: UInt64(step), spread: example.spread)
      let chosen = try Self.sample(&sampler, logits, scratch).token
      #expect(chosen == token)
    }
  }

  @Test(arguments: cases)
  func choosesAsThePlainChain(_ example: Case) throws {
    let reference = ReferenceSampler(
      temperature: Float(example.temperature), topK: example.topK, topP: Float(example.topP),
      minP: Float(example.minP), repeatPenalty: Float(example.repeatPenalty),
      presencePenalty: Float(example.presence), frequencyPenalty: Float(example.frequency))
    var sampler = Sampler(example.parameters, prompt: example.prompt)
    var random = MersenneTwister(seed: 7)
    let scratch = SamplerScratch(vocabularySize: example.vocabulary)
    var recent = example.prompt
    for step in 0..<60 {
      let logits = Self.logits(example.vocabulary, seed: UInt64(step), spread: example.spread)
      let uniform = random.nextUniform()
      let chosen = try Self.sample(&sampler, logits, scratch).token
      #expect(Int(chosen) == reference.sample(logits, recent: recent, uniform: uniform))
      recent.append(chosen)
    }
  }

  @Test func appliesLogitBiasAndBans() throws {
    var parameters = SamplingParameters(temperature: 0, repeatPenalty: 1, seed: 1, logitBias: [3: -100, 5: 2])
    let scratch = SamplerScratch(vocabularySize: 8)
    var sampler = Sampler(parameters, prompt: [])
    do {
      let token = try Self.sample(&sampler, [0, 0, 0, 1000, 5, 4, 0, 0], scratch).token
      #expect(token == 5)
    }
    parameters.logitBias = [3: -100, 99: 4, -1: 4]
    sampler = Sampler(parameters, prompt: [])
    do {
      let token = try Self.sample(&sampler, [0, 0, 0, 1000, 5, 4, 0, 0], scratch).token
      #expect(token == 4)
    }
  }

  @Test(arguments: [0.0, 0.9])
  func reportsTheModelsOwnProbabilities(temperature: Double) throws {
    let logits = Self.logits(2000, seed: 3)
    let parameters = SamplingParameters(
      temperature: temperature, repeatPenalty: 1.5, presencePenalty: 1, seed: 1, logitBias: [17: 30])
    var sampler = Sampler(parameters, prompt: (0..<64).map { Int32($0) }, topLogprobs: 20)
    let choice = try Self.sample(&sampler, logits, SamplerScratch(vocabularySize: 2000))
    let sum = log(logits.reduce(0.0) { $0 + exp(Double($1)) })
    let sorted = logits.enumerated().sorted { $0.element > $1.element }.prefix(20)
    let probability = try #require(choice.probability)
    #expect(choice.token == 17)
    #expect(abs(Double(probability.logprob) - (Double(logits[17]) - sum)) < 1e-4)
    #expect(probability.top.map(\.token) == sorted.map { Int32($0.offset) })
    for (given, wanted) in zip(probability.top, sorted) {
      #expect(abs(Double(given.logprob) - (Double(wanted.element) - sum)) < 1e-4)
    }
  }

  @Test func refusesUselessLogits() {
    var sampler = Sampler(SamplingParameters(temperature: 0.5, seed: 1), prompt: [])
    let scratch = SamplerScratch(vocabularySize: 4)
    #expect(throws: Sampler.Failure.noFiniteLogit) {
      try Self.sample(&sampler, Array(repeating: .nan, count: 4), scratch)
    }
    #expect(throws: Sampler.Failure.noFiniteLogit) {
      try Self.sample(&sampler, Array(repeating: -.infinity, count: 4), scratch)
    }
  }

  @Test func masksOnlyAfterARefusal() throws {
    let scratch = SamplerScratch(vocabularySize: 100)
    let logits = Self.logits(100, seed: 9)
    let best = logits.enumerated().max { $0.element < $1.element }?.offset ?? 0
    let greedy = SamplingParameters(temperature: 0, repeatPenalty: 1, seed: 1)
    var sampler = Sampler(greedy, prompt: [])
    let open = SetConstraint(allowed: Set(0..<100))
    do {
      let token = try Self.sample(&sampler, logits, scratch, constraint: open).token
      #expect(token == Int32(best))
    }
    #expect(open.masks == 0)
    #expect(open.accepted == [Int32(best)])

    let closed = SetConstraint(allowed: Set(0..<100).subtracting([Int32(best)]))
    sampler = Sampler(greedy, prompt: [], topLogprobs: 2)
    let choice = try Self.sample(&sampler, logits, scratch, constraint: closed)
    let second = logits.enumerated().sorted { $0.element > $1.element }[1].offset
    #expect(choice.token == Int32(second))
    #expect(closed.masks == 1)
    let top = try #require(choice.probability?.top)
    #expect(top.map(\.token) == [Int32(best), Int32(second)], "of the untouched logits")
    #expect(choice.probability?.logprob == top[1].logprob)

    #expect(throws: Sampler.Failure.grammarExhausted) {
      try Self.sample(&sampler, logits, scratch, constraint: SetConstraint(allowed: []))
    }
  }

  @Test func aRefusedDrawCountsAsInLlamaCpp() throws {
    let scratch = SamplerScratch(vocabularySize: 100)
    let parameters = SamplingParameters(
      temperature: 1, topP: 1, topK: 0, minP: 0, repeatPenalty: 1.2, presencePenalty: 0, frequencyPenalty: 0.1, seed: 5)
    var reference = ReferenceSampler(
      temperature: 1, topK: 0, topP: 1, minP: 0, repeatPenalty: 1.2, frequencyPenalty: 0.1)
    reference.bias = [:]
    let allowed = Set<Int32>(stride(from: 0, to: 100, by: 3))
    var sampler = Sampler(parameters, prompt: [3, 6, 9])
    var random = MersenneTwister(seed: 5)
    var recent: [Int32] = [3, 6, 9]
    let constraint = SetConstraint(allowed: allowed)
    for step in 0..<50 {
      let logits = Self.logits(100, seed: UInt64(step), spread: 3)
      var wanted = reference.sample(logits, recent: recent, uniform: random.nextUniform())
      if !allowed.contains(Int32(wanted)) {
        let masked = logits.enumerated().map { allowed.contains(Int32($0.offset)) ? $0.element : -.infinity }
        wanted = reference.sample(masked, recent: recent, uniform: random.nextUniform())
      }
      let chosen = try Self.sample(&sampler, logits, scratch, constraint: constraint).token
      #expect(Int(chosen) == wanted)
      recent.append(chosen)
    }
    #expect(constraint.masks > 10)
  }
}

/// Allows a fixed set of tokens.
final class SetConstraint: TokenConstraint {
  let allowed: Set<Int32>
  private(set) var masks = 0
  private(set) var accepted: [Int32] = []

  init(allowed: Set<Int32>) { self.allowed = allowed }

  func allows(_ token: Int32) -> Bool { allowed.contains(token) }

  func mask(_ logits: UnsafeMutableBufferPointer<Float>) {
    masks += 1
    for token in logits.indices where !allowed.contains(Int32(token)) { logits[token] = -.infinity }
  }

  func accept(_ token: Int32) { accepted.append(token) }
}
