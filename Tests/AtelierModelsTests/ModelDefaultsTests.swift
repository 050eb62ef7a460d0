import AtelierCore
import AtelierModels
import Foundation
import Testing

struct ModelDefaultsTests {
  @Test func readsEveryKey() {
    let file = ModelDefaultsFile(
      parsing: Data(
        """
        {"Some-Model": {
          "llm.load.contextLength": 8192, "llm.load.numExperts": 4, "llm.load.offloadKVCacheToGpu": false,
          "llm.load.numParallelSessions": 8, "llm.load.llama.evalBatchSize": 256, "llm.load.llama.flashAttention": false,
          "llm.load.llama.kCacheQuantizationType": {"checked": true, "value": "Q8_0"}, "llm.load.llama.tryMmap": false,
          "llm.load.llama.vCacheQuantizationType": "q4_0", "llm.load.llama.keepModelInMemory": true,
          "llm.load.llama.ropeFrequencyBase": {"checked": true, "value": 1000000},
          "llm.load.llama.ropeFrequencyScale": 0.5,
          "llm.prediction.temperature": 0.25, "llm.prediction.topKSampling": 10,
          "llm.prediction.topPSampling": {"checked": false, "value": 0.5},
          "llm.prediction.minPSampling": {"checked": true, "value": 0.1}, "llm.prediction.repeatPenalty": 1,
          "llm.prediction.maxPredictedTokens": 64, "llm.prediction.stopStrings": ["END"],
          "llm.prediction.systemPrompt": "Be brief.", "llm.prediction.contextOverflowPolicy": "rollingWindow",
          "llm.prediction.promptTemplate": {"type": "jinja", "jinjaPromptTemplate": {"template": "{{ x }}"}},
          "llm.prediction.reasoning.parsing": {"enabled": true, "startString": "<r>"}
        }}
        """.utf8))
    #expect(file.problems.isEmpty)
    let defaults = file.defaults(forKey: "some-model")
    #expect((defaults.contextLength, defaults.evalBatchSize, defaults.parallel) == (8192, 256, 8))
    #expect((defaults.flashAttention, defaults.numExperts, defaults.offloadKVCacheToGPU) == (false, 4, false))
    #expect((defaults.kvCacheType, defaults.valueCacheType) == ("q8_0", "q4_0"))
    #expect((defaults.useMemoryMap, defaults.keepInMemory) == (false, true))
    #expect((defaults.ropeFrequencyBase, defaults.ropeFrequencyScale) == (1_000_000, 0.5))
    #expect(defaults.sampling == SamplingParameters(temperature: 0.25, topK: 10, minP: 0.1, repeatPenalty: 1))
    #expect(defaults.maxPredictedTokens == 64)
    #expect(defaults.stopStrings == ["END"])
    #expect(defaults.systemPrompt == "Be brief.")
    #expect(defaults.contextOverflowPolicy == .rollingWindow)
    #expect(defaults.chatTemplate == "{{ x }}")
    #expect(defaults.reasoningTags?.start == "<r>")
    #expect(defaults.reasoningTags?.end == "</think>")
    #expect(file.defaults(forKey: "other") == ModelDefaults())
  }

  @Test(arguments: [
    "\"llm.load.contextLength\": 0", "\"llm.load.contextLength\": \"many\"", "\"llm.load.numParallelSessions\": 65",
    "\"llm.prediction.temperature\": 3", "\"llm.prediction.stopStrings\": [\"\"]",
    "\"llm.prediction.stopStrings\": \"a\"",
    "\"llm.load.llama.kCacheQuantizationType\": \"q9\"", "\"unknown\": 1",
  ])
  func reportsWhatHasNoEffect(field: String) {
    let file = ModelDefaultsFile(parsing: Data("{\"m\": {\(field), \"llm.prediction.topKSampling\": 7}}".utf8))
    #expect(file.problems.count == 1)
    #expect(file.defaults(forKey: "m").sampling == SamplingParameters(topK: 7))
  }

  @Test(arguments: ["", "[]", "{", "1"])
  func survivesBrokenFiles(text: String) { #expect(ModelDefaultsFile(parsing: Data(text.utf8)).problems.count == 1) }

  @Test func followsTheFile() async throws {
    let folder = try ModelsFolder()
    let url = folder.url("model-defaults.json")
    let catalog = ModelCatalog(roots: [folder.root], defaultsFile: url)
    #expect(await catalog.defaults(forKey: "m") == ModelDefaults())
    try Data(#"{"m": {"llm.load.contextLength": 1}}"#.utf8).write(to: url)
    #expect(await catalog.defaults(forKey: "m").contextLength == 1)
    try Data(#"{"m": {"llm.load.contextLength": 22}}"#.utf8).write(to: url)
    #expect(await catalog.defaults(forKey: "M").contextLength == 22)
    try FileManager.default.removeItem(at: url)
    #expect(await catalog.defaults(forKey: "m").contextLength == nil)
  }
}
