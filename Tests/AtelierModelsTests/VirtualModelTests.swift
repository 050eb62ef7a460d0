import AtelierCore
import AtelierModels
import AtelierTesting
import Foundation
import Testing

struct VirtualModelTests {
  private let folder: ModelsFolder
  private let hub: ModelsFolder

  init() throws {
    folder = try ModelsFolder()
    hub = try ModelsFolder()
  }

  private func catalog(defaults: String? = nil) throws -> ModelCatalog {
    let file = folder.url("model-defaults.json")
    if let defaults { try Data(defaults.utf8).write(to: file) }
    return ModelCatalog(roots: [folder.root], defaultsFile: file, virtualFolder: hub.root)
  }

  private static let base = """
    base:
      - key: acme/tiny-gguf
        sources: [{type: huggingface, user: acme, repo: Tiny-GGUF}]
    """

  @Test func namesTheFilesAndGivesThemSettings() async throws {
    try folder.add("acme/Tiny-GGUF/Tiny-Q4_0.gguf", .llm(chatTemplate: "{% if tools %}{% endif %}"))
    try folder.add("acme/Tiny-GGUF/Tiny-Q8_0.gguf", .llm(chatTemplate: "{% if tools %}{% endif %}"))
    try folder.add("acme/Other-GGUF/Other-Q4_0.gguf")
    try hub.add(
      "acme/tiny/model.yaml",
      bytes: """
        model: acme/tiny
        \(Self.base)
        description: A small one.
        metadataOverrides:
          trainedForToolUse: false
          paramsStrings: [7M]
          vision: true
        config:
          load:
            fields:
              - key: llm.load.contextLength
                value: 2048
              - key: llm.load.llama.kCacheQuantizationType
                value: {checked: true, value: q8_0}
          operation:
            fields:
              - key: llm.prediction.temperature
                value: {checked: true, value: 0.25}
              - key: llm.prediction.topKSampling
                value: 7
              - key: llm.unknown
                value: 1
        """)
    let catalog = try catalog(defaults: #"{"acme/tiny": {"llm.prediction.topKSampling": 9}}"#)
    let models = await catalog.models()
    #expect(models.map(\.key) == ["acme/tiny", "other"])
    let model = models[0]
    #expect((model.publisher, model.description, model.parameters) == ("acme", "A small one.", "7M"))
    #expect(model.capabilities == ModelCapabilities(vision: false, trainedForToolUse: false))
    #expect(model.variants.map(\.name) == ["acme/tiny@q4_0", "acme/tiny@q8_0"])
    for name in ["acme/tiny", "tiny", "acme/Tiny-GGUF", "TINY", "acme/Tiny-GGUF/Tiny-Q4_0.gguf"] {
      let match = await catalog.resolve(name)
      #expect(match?.model.key == "acme/tiny")
      #expect(match?.variant == 0)
    }
    for name in ["acme/tiny@q8_0", "tiny@q8_0"] { #expect(await catalog.resolve(name)?.variant == 1) }
    let defaults = await catalog.defaults(forKey: "acme/tiny")
    #expect((defaults.contextLength, defaults.kvCacheType) == (2048, "q8_0"))
    #expect((defaults.sampling.temperature, defaults.sampling.topK) == (0.25, 9))
    #expect(await catalog.problems() == ["acme/tiny/model.yaml: llm.unknown: unknown setting"])
  }

  @Test func fieldsMakeUpTheReasoningSetting() async throws {
    try folder.add("acme/Tiny-GGUF/Tiny-Q4_0.gguf")
    try hub.add(
      "acme/thinker/model.yaml",
      bytes: """
        model: acme/thinker
        \(Self.base)
        customFields:
          - key: enableThinking
            displayName: Thinking
            type: boolean
            defaultValue: false
            effects:
              - type: setJinjaVariable
                variable: thinking
              - type: prependSystemPrompt
                content: "Think. "
          - key: reasoningEffort
            type: select
            defaultValue: high
            options: [{label: Low, value: low}, {label: High, value: high}]
            effects: [{type: setJinjaVariable, variable: effort}]
          - key: style
            type: string
            defaultValue: plain
            effects: [{type: setJinjaVariable, variable: style}]
          - key: broken
            type: colour
        """)
    try hub.add("acme/derived/model.yaml", bytes: "model: acme/derived\nbase: acme/thinker\ndescription: Derived.\n")
    let catalog = try catalog(
      defaults: #"{"acme/derived": {"ext.virtualModel.customField.acme.thinker.enableThinking": true}}"#)
    let models = await catalog.models()
    #expect(models.map(\.key) == ["acme/derived", "acme/thinker"])
    let off = ReasoningCapability(allowedOptions: [.off, .low, .high], defaultOption: .off)
    #expect(models.map(\.capabilities.reasoning) == [off, off])
    let fields = await catalog.defaults(forKey: "acme/thinker").customFields
    #expect(
      CustomField.templateVariables(of: fields, reasoning: nil)
        == ["thinking": false, "effort": "high", "style": "plain"])
    #expect(
      CustomField.templateVariables(of: fields, reasoning: .low)
        == ["thinking": true, "effort": "low", "style": "plain"])
    #expect(CustomField.templateVariables(of: fields, reasoning: .off)["thinking"] == false)
    #expect(CustomField.systemPrompt("Be brief.", with: fields) == "Be brief.")
    let users = await catalog.defaults(forKey: "acme/derived").customFields
    #expect(users.first?.value == true)
    #expect(CustomField.systemPrompt("Be brief.", with: users) == "Think. Be brief.")
    #expect(CustomField.systemPrompt(nil, with: users) == "Think. ")
  }

  @Test func thePagesExampleWorks() async throws {
    let page = URL(fileURLWithPath: #filePath).appending(path: "../../../docs/models.md").standardizedFileURL
    let text = try String(contentsOf: page, encoding: .utf8)
    let start = try #require(text.range(of: "```yaml\n"))
    let end = try #require(text.range(of: "```", range: start.upperBound..<text.endIndex))
    try hub.add("acme/deep/model.yaml", bytes: String(text[start.upperBound..<end.lowerBound]))
    try folder.add("qwen/Qwen3-8B-GGUF/Qwen3-8B-Q4_K_M.gguf")
    let catalog = try catalog()
    let model = try #require(await catalog.models().first)
    #expect(model.key == "acme/deep")
    #expect(model.capabilities.reasoning == ReasoningCapability(allowedOptions: [.off, .on], defaultOption: .on))
    let defaults = await catalog.defaults(forKey: "acme/deep")
    #expect((defaults.contextLength, defaults.sampling.temperature) == (16384, 0.6))
    #expect(await catalog.problems().isEmpty)
  }

  @Test func filesWithoutEffectSayWhy() async throws {
    try folder.add("acme/Tiny-GGUF/Tiny-Q4_0.gguf")
    try hub.add("a/broken/model.yaml", bytes: "model: [")
    try hub.add("a/nameless/model.yaml", bytes: Self.base)
    try hub.add("a/moved/model.yaml", bytes: "model: a/elsewhere\n\(Self.base)")
    try hub.add("a/baseless/model.yaml", bytes: "model: a/baseless")
    try hub.add("a/circle/model.yaml", bytes: "model: a/circle\nbase: a/circle")
    try hub.add("a/absent/model.yaml", bytes: "model: a/absent\nbase: [{key: acme/none}]")
    let catalog = try catalog()
    #expect(await catalog.models().map(\.key) == ["tiny"])
    #expect(
      await catalog.problems() == [
        "a/baseless/model.yaml: 'base' must be publisher/name or a list of sources",
        "a/broken/model.yaml: line 1: ']' is missing",
        "a/moved/model.yaml: names another model, 'a/elsewhere'",
        "a/nameless/model.yaml: 'model' must be publisher/name",
        "a/circle/model.yaml: its base leads in a circle or nowhere",
      ])
  }

  @Test func changesAreSeen() async throws {
    try folder.add("acme/Tiny-GGUF/Tiny-Q4_0.gguf")
    let catalog = try catalog()
    #expect(await catalog.models().map(\.key) == ["tiny"])
    try hub.add("acme/tiny/model.yaml", bytes: "model: acme/tiny\n\(Self.base)")
    #expect(await catalog.models().map(\.key) == ["acme/tiny"])
    try FileManager.default.removeItem(at: hub.url("acme/tiny"))
    #expect(await catalog.models().map(\.key) == ["tiny"])
  }

  @Test func theFilesOwnAdviceComesLast() async throws {
    try folder.add(
      "acme/Tiny-GGUF/Tiny-Q4_0.gguf",
      .llm(
        extra: [
          ("general.sampling.temp", .float32(0.6)), ("general.sampling.top_k", .int32(20)),
          ("general.sampling.top_p", .float32(7)),
        ]))
    let catalog = try catalog(defaults: #"{"tiny": {"llm.prediction.topKSampling": 3}}"#)
    let sampling = await catalog.defaults(forKey: "tiny").sampling
    #expect(sampling == SamplingParameters(temperature: 0.6, topK: 3))
  }

  @Test func aTemplateOfTheUsersDecidesWhatTheModelCan() async throws {
    try folder.add("acme/Tiny-GGUF/Tiny-Q4_0.gguf")
    let catalog = try catalog(defaults: #"{"tiny": {"llm.prediction.promptTemplate": "{{ enable_thinking }}"}}"#)
    #expect(await catalog.models()[0].capabilities.reasoning?.allowedOptions == [.off, .on])
  }
}
