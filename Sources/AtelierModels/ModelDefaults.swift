import AtelierCore

/// What a user set for one model: load and prediction values under the names of native.md 16.2. nil: not set.
package struct ModelDefaults: Sendable, Hashable {
  package enum ContextOverflowPolicy: String, Sendable, Hashable { case stopAtLimit, truncateMiddle, rollingWindow }

  package var contextLength: Int?
  package var evalBatchSize: Int?
  package var parallel: Int?
  package var flashAttention: Bool?
  package var numExperts: Int?
  package var offloadKVCacheToGPU: Bool?
  package var kvCacheType: String?
  package var useMemoryMap: Bool?

  package var sampling = SamplingParameters()
  package var maxPredictedTokens: Int?
  package var stopStrings: [String] = []
  package var systemPrompt: String?
  package var contextOverflowPolicy: ContextOverflowPolicy?
  /// A Jinja chat template in place of the file's own.
  package var chatTemplate: String?
  /// What opens and closes reasoning in the model's output.
  package var reasoningTags: ReasoningTags?

  package struct ReasoningTags: Sendable, Hashable {
    package var start: String
    package var end: String
  }

  package init() {}

  /// Replaces the values that are set here; an out-of-range context is cut to the model's maximum by the caller.
  package func apply(to configuration: inout LoadConfiguration) {
    configuration.contextLength = contextLength ?? configuration.contextLength
    configuration.evalBatchSize = evalBatchSize ?? configuration.evalBatchSize
    configuration.parallel = parallel ?? configuration.parallel
    configuration.flashAttention = flashAttention ?? configuration.flashAttention
    configuration.numExperts = numExperts ?? configuration.numExperts
    configuration.offloadKVCacheToGPU = offloadKVCacheToGPU ?? configuration.offloadKVCacheToGPU
    configuration.kvCacheType = kvCacheType ?? configuration.kvCacheType
    configuration.useMemoryMap = useMemoryMap ?? configuration.useMemoryMap
  }
}

extension ModelDefaults {
  enum Fault: Error, Hashable { case unknownKey, badValue }

  /// Sets one of the keys of native.md 16.2.
  mutating func set(_ key: String, to value: JSONValue) throws(Fault) {
    guard let value = Self.checked(value) else { return }
    switch key {
    case "llm.load.contextLength", "embedding.load.contextLength": contextLength = try count(value, 1...(1 << 30))
    case "llm.load.numExperts": numExperts = try count(value, 1...65_536)
    case "llm.load.offloadKVCacheToGpu": offloadKVCacheToGPU = try flag(value)
    case "llm.load.numParallelSessions": parallel = try count(value, 1...64)
    case "llm.load.llama.evalBatchSize": evalBatchSize = try count(value, 1...65_536)
    case "llm.load.llama.flashAttention": flashAttention = try flag(value)
    case "llm.load.llama.kCacheQuantizationType", "llm.load.llama.vCacheQuantizationType":
      kvCacheType = try cacheType(value)
    case "llm.load.llama.tryMmap": useMemoryMap = try flag(value)
    case "llm.prediction.temperature": sampling.temperature = try number(value, 0...2)
    case "llm.prediction.topKSampling": sampling.topK = try count(value, -1...(1 << 20))
    case "llm.prediction.topPSampling": sampling.topP = try number(value, 0...1)
    case "llm.prediction.minPSampling": sampling.minP = try number(value, 0...1)
    case "llm.prediction.repeatPenalty": sampling.repeatPenalty = try number(value, 0.0001...10)
    case "llm.prediction.maxPredictedTokens": maxPredictedTokens = try count(value, 1...(1 << 30))
    case "llm.prediction.stopStrings": stopStrings = try texts(value)
    case "llm.prediction.systemPrompt": systemPrompt = try text(value, longest: 1 << 18)
    case "llm.prediction.contextOverflowPolicy":
      contextOverflowPolicy = ContextOverflowPolicy(rawValue: try text(value, longest: 64))
      if contextOverflowPolicy == nil { throw .badValue }
    case "llm.prediction.promptTemplate": chatTemplate = try template(value)
    case "llm.prediction.reasoning.parsing": reasoningTags = try tags(value)
    default: throw .unknownKey
    }
  }

  /// A "checkbox" value's inside; nil when it is unchecked. A bare value counts as checked.
  private static func checked(_ value: JSONValue) -> JSONValue? {
    guard let box = value.objectValue, let flag = box["checked"]?.boolValue else { return value }
    return flag ? box["value"] : nil
  }

  private func count(_ value: JSONValue, _ range: ClosedRange<Int>) throws(Fault) -> Int {
    guard let number = value.integerValue, range.contains(number) else { throw .badValue }
    return number
  }

  private func number(_ value: JSONValue, _ range: ClosedRange<Double>) throws(Fault) -> Double {
    guard let number = value.doubleValue, range.contains(number) else { throw .badValue }
    return number
  }

  private func flag(_ value: JSONValue) throws(Fault) -> Bool {
    switch value {
    case .bool(let flag): return flag
    case .string("auto"): return true
    default: throw .badValue
    }
  }

  private func text(_ value: JSONValue, longest: Int) throws(Fault) -> String {
    guard let text = value.stringValue, text.utf8.count <= longest else { throw .badValue }
    return text
  }

  /// Bounds of the threat model: 16 strings of at most 256 bytes.
  private func texts(_ value: JSONValue) throws(Fault) -> [String] {
    guard let elements = value.arrayValue, elements.count <= 16 else { throw .badValue }
    var texts: [String] = []
    for element in elements {
      let text = try text(element, longest: 256)
      if text.isEmpty { throw .badValue }
      texts.append(text)
    }
    return texts
  }

  private func cacheType(_ value: JSONValue) throws(Fault) -> String {
    let name = try text(value, longest: 16).lowercased()
    guard ["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0", "iq4_nl"].contains(name) else {
      throw .badValue
    }
    return name
  }

  /// `{"type":"jinja","jinjaPromptTemplate":{"template":"…"}}`, or the template itself.
  private func template(_ value: JSONValue) throws(Fault) -> String {
    try text(value["jinjaPromptTemplate"]?["template"] ?? value, longest: 1 << 20)
  }

  /// `{"enabled":true,"startString":"<think>","endString":"</think>"}`; nil when switched off.
  private func tags(_ value: JSONValue) throws(Fault) -> ReasoningTags? {
    guard value.objectValue != nil else { throw .badValue }
    if value["enabled"]?.boolValue == false { return nil }
    let start = try text(value["startString"] ?? "<think>", longest: 256)
    let end = try text(value["endString"] ?? "</think>", longest: 256)
    if start.isEmpty || end.isEmpty { throw .badValue }
    return ReasoningTags(start: start, end: end)
  }
}
