import AtelierCore
import AtelierEngine
import CLlama
import Foundation
import Testing

@testable import AtelierLlama

/// Our sampler against llama.cpp's chain of the same samplers: the same seed gives the same tokens.
@Suite(.enabled(if: TestModel.isAvailable, "set ATELIER_TEST_MODEL to a small GGUF model"))
struct SamplerAgreementTests {
  private static let settings: [SamplingParameters] = [
    SamplingParameters(
      temperature: 0, topP: 1, topK: 0, minP: 0, repeatPenalty: 1, presencePenalty: 0, frequencyPenalty: 0),
    SamplingParameters(
      temperature: 0.8, topP: 0.95, topK: 40, minP: 0.05, repeatPenalty: 1.1, presencePenalty: 0, frequencyPenalty: 0),
    SamplingParameters(
      temperature: 1.5, topP: 0.9, topK: 100, minP: 0, repeatPenalty: 1, presencePenalty: 0.5, frequencyPenalty: 0.3),
    SamplingParameters(
      temperature: 1, topP: 1, topK: 8, minP: 0.1, repeatPenalty: 1.3, presencePenalty: 0, frequencyPenalty: 0),
  ]

  @Test(arguments: settings, [UInt32(1), 42, 4_000_000_000])
  func sameSeedSameTokens(_ parameters: SamplingParameters, seed: UInt32) throws {
    var parameters = parameters
    parameters.seed = seed
    let runner = try TestModel.runner(contextLength: 256)
    let prompt = try TestModel.backend.get().tokenize("Once upon a time", addSpecial: true, parseSpecial: false)
    var sampler = Sampler(parameters, prompt: prompt)
    let scratch = SamplerScratch(vocabularySize: runner.vocabularySize)
    let chain = try #require(llama_sampler_chain_init(llama_sampler_chain_default_params()))
    defer { llama_sampler_free(chain) }
    build(chain, parameters, runner.vocabularySize)
    for token in prompt { llama_sampler_accept(chain, token) }

    var row = try runner.evaluate(prompt, sequence: 0, from: 0)
    for step in 0..<40 {
      let logits = runner.logits(row: row)
      let theirs = sample(chain, logits)
      let ours = try sampler.sample(logits, scratch: scratch).token
      #expect(ours == theirs, "step \(step)")
      guard ours == theirs, !runner.isEndOfGeneration(ours) else { return }
      llama_sampler_accept(chain, theirs)
      row = try runner.evaluate([ours], sequence: 0, from: prompt.count + step)
    }
  }

  private func build(_ chain: UnsafeMutablePointer<llama_sampler>, _ parameters: SamplingParameters, _ vocabulary: Int)
  {
    func add(_ sampler: UnsafeMutablePointer<llama_sampler>?) { llama_sampler_chain_add(chain, sampler) }
    add(
      llama_sampler_init_penalties(
        Int32(vocabulary), 64, Float(parameters.repeatPenalty ?? 1), Float(parameters.frequencyPenalty ?? 0),
        Float(parameters.presencePenalty ?? 0)))
    guard let temperature = parameters.temperature, temperature > 0 else {
      add(llama_sampler_init_greedy())
      return
    }
    add(llama_sampler_init_top_k(Int32(parameters.topK ?? 0)))
    add(llama_sampler_init_top_p(Float(parameters.topP ?? 1), 1))
    add(llama_sampler_init_min_p(Float(parameters.minP ?? 0), 1))
    add(llama_sampler_init_temp(Float(temperature)))
    add(llama_sampler_init_dist(parameters.seed ?? 0))
  }

  private func sample(
    _ chain: UnsafeMutablePointer<llama_sampler>, _ logits: UnsafeMutableBufferPointer<Float>
  ) -> Int32 {
    var candidates = logits.enumerated().map { llama_token_data(id: Int32($0.offset), logit: $0.element, p: 0) }
    return candidates.withUnsafeMutableBufferPointer { buffer in
      var array = llama_token_data_array(data: buffer.baseAddress, size: buffer.count, selected: -1, sorted: false)
      llama_sampler_apply(chain, &array)
      return array.selected >= 0 ? array.data[Int(array.selected)].id : -1
    }
  }
}
