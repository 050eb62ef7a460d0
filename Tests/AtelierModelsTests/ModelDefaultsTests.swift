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
    var configuration = LoadConfiguration(contextLength: 4096)
    defaults.apply(to: &configuration)
    #expect(
      configuration
        == LoadConfiguration(
          contextLength: 8192, evalBatchSize: 256, parallel: 8, flashAttention: false, numExperts: 4,
          offloadKVCacheToGPU: false, kvCacheType: "q8_0", useMemoryMap: false))
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
