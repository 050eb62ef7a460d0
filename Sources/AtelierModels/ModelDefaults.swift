import AtelierCore

/// What a user set for one model: load and prediction values under the names of native.md 16.2. nil: not set.
package struct ModelDefaults: Sendable, Hashable {
  /// What an answer does at the end of the context.
  package enum ContextOverflowPolicy: String, Sendable, Hashable { case stopAtLimit, truncateMiddle, rollingWindow }

  package var contextLength: Int?
  package var evalBatchSize: Int?
  package var parallel: Int?
  package var flashAttention: Bool?
  package var numExperts: Int?
  package var offloadKVCacheToGPU: Bool?
  /// Of the keys, and of the values.
  package var kvCacheType: String?
  package var valueCacheType: String?
  package var useMemoryMap: Bool?
  package var keepInMemory: Bool?
  package var ropeFrequencyBase: Double?
  package var ropeFrequencyScale: Double?

  package var sampling = SamplingParameters()
  package var maxPredictedTokens: Int?
  package var stopStrings: [String] = []
  package var systemPrompt: String?
  package var contextOverflowPolicy: ContextOverflowPolicy?
  /// A Jinja chat template in place of the file's own.
  package var chatTemplate: String?
  /// What opens and closes reasoning in the model's output.
  package var reasoningTags: ReasoningTags?
  /// What a `model.yaml` adds.
  package var customFields: [CustomField] = []
  /// Values for such fields, by the field's key in lower case.
  package var customValues: [String: JSONValue] = [:]

  package init() {}

  /// These, and where nothing is set here, `other`'s.
  package func filled(from other: ModelDefaults) -> ModelDefaults {
    var result = self
    result.contextLength = contextLength ?? other.contextLength
    result.evalBatchSize = evalBatchSize ?? other.evalBatchSize
    result.parallel = parallel ?? other.parallel
    result.flashAttention = flashAttention ?? other.flashAttention
    result.numExperts = numExperts ?? other.numExperts
    result.offloadKVCacheToGPU = offloadKVCacheToGPU ?? other.offloadKVCacheToGPU
    result.kvCacheType = kvCacheType ?? other.kvCacheType
    result.valueCacheType = valueCacheType ?? other.valueCacheType
    result.useMemoryMap = useMemoryMap ?? other.useMemoryMap
    result.keepInMemory = keepInMemory ?? other.keepInMemory
    result.ropeFrequencyBase = ropeFrequencyBase ?? other.ropeFrequencyBase
    result.ropeFrequencyScale = ropeFrequencyScale ?? other.ropeFrequencyScale
    result.sampling = sampling.filled(from: other.sampling)
    result.maxPredictedTokens = maxPredictedTokens ?? other.maxPredictedTokens
    result.stopStrings = stopStrings.isEmpty ? other.stopStrings : stopStrings
    result.systemPrompt = systemPrompt ?? other.systemPrompt
    result.contextOverflowPolicy = contextOverflowPolicy ?? other.contextOverflowPolicy
    result.chatTemplate = chatTemplate ?? other.chatTemplate
    result.reasoningTags = reasoningTags ?? other.reasoningTags
    let own = Set(customFields.map(\.key))
    result.customFields = customFields + other.customFields.filter { !own.contains($0.key) }
    result.customValues = other.customValues.merging(customValues) { $1 }
    result.customFields = result.customFields.map { field in
      var field = field
      if let value = result.customValues[field.key.lowercased()], value.kind == field.value.kind { field.value = value }
      return field
    }
    return result
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
    case "llm.load.llama.kCacheQuantizationType": kvCacheType = try cacheType(value)
    case "llm.load.llama.vCacheQuantizationType": valueCacheType = try cacheType(value)
    case "llm.load.llama.tryMmap": useMemoryMap = try flag(value)
    case "llm.load.llama.keepModelInMemory": keepInMemory = try flag(value)
    case "llm.load.llama.ropeFrequencyBase": ropeFrequencyBase = try number(value, 1...1e12)
    case "llm.load.llama.ropeFrequencyScale": ropeFrequencyScale = try number(value, 1e-6...1e6)
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
    // ext.virtualModel.customField.<publisher>.<name>.<field>
    case _ where key.hasPrefix("ext.virtualModel.customField."):
      guard let field = key.split(separator: ".").last, customValues.count < 64 else { throw .badValue }
      customValues[field.lowercased()] = value
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
    guard LoadConfiguration.cacheTypes.contains(name) else { throw .badValue }
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
    let start = try text(value["startString"] ?? .string(ReasoningTags.usual.start), longest: 256)
    let end = try text(value["endString"] ?? .string(ReasoningTags.usual.end), longest: 256)
    if start.isEmpty || end.isEmpty { throw .badValue }
    return ReasoningTags(start: start, end: end)
  }
}
