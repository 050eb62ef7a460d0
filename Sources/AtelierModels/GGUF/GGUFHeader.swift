import AtelierCore

/// What a model file says about itself, checked for range but not for truth.
package struct GGUFHeader: Sendable, Hashable {
  static let chatTemplateKey = "tokenizer.chat_template"

  package var version: UInt32
  /// `model`, `mmproj`, `adapter`…; old files have none.
  package var type: String?
  package var architecture: String?
  package var name: String?
  package var basename: String?
  package var sizeLabel: String?
  /// `llama_ftype` of llama.h.
  package var fileType: Int?
  package var chatTemplate: String?
  package var splitCount: Int
  package var splitNumber: Int
  package var hasVisionEncoder: Bool?
  package var tensorCount: Int
  /// Sum over this file's tensors.
  package var parameterCount: Int64
  package var expertParameterCount: Int64
  package var geometry: ModelGeometry
  package var vocabulary: ModelVocabulary
  /// Tokens the model was trained for.
  package var contextLength: Int?
  /// `llama_pooling_type` of llama.h.
  package var poolingType: Int?
  /// What the model's makers advise (`general.sampling.…`), as far as it is in range.
  package var sampling: SamplingParameters

  init(version: UInt32, values: [String: GGUFValue], tensors: GGUFTensorSummary) {
    let metadata = Metadata(values: values)
    self.version = version
    type = metadata.text("general.type")
    architecture = metadata.text("general.architecture")
    name = metadata.text("general.name")
    basename = metadata.text("general.basename")
    sizeLabel = metadata.text("general.size_label")
    fileType = metadata.count("general.file_type")
    chatTemplate = metadata.text(Self.chatTemplateKey)
    splitCount = metadata.count("split.count") ?? 1
    splitNumber = metadata.count("split.no") ?? 0
    hasVisionEncoder = metadata.flag("clip.has_vision_encoder")
    tensorCount = tensors.count
    parameterCount = tensors.parameters
    expertParameterCount = tensors.expertParameters
    let prefix = (architecture ?? "") + "."
    contextLength = metadata.count(prefix + "context_length").flatMap { $0 > 0 ? $0 : nil }
    poolingType = metadata.count(prefix + "pooling_type")
    geometry = ModelGeometry(metadata, prefix: prefix)
    vocabulary = ModelVocabulary(tokenizer: metadata.text("tokenizer.ggml.model"), tokens: geometry.vocabularySize)
    sampling = SamplingParameters(
      temperature: metadata.number("general.sampling.temp", in: 0...2),
      topP: metadata.number("general.sampling.top_p", in: 0...1), topK: metadata.count("general.sampling.top_k"),
      minP: metadata.number("general.sampling.min_p", in: 0...1),
      repeatPenalty: metadata.number("general.sampling.penalty_repeat", in: 0.0001...10))
  }

  /// Typed reading of the values; counts are 0…2^31.
  struct Metadata {
    let values: [String: GGUFValue]

    func text(_ key: String) -> String? {
      if case .string(let text) = values[key], !text.isEmpty { text } else { nil }
    }

    func count(_ key: String) -> Int? {
      if case .integer(let value) = values[key], (0...Int64(1) << 31).contains(value) { Int(value) } else { nil }
    }

    func number(_ key: String, in range: ClosedRange<Double>) -> Double? {
      let number: Double
      switch values[key] {
      // Written as 32-bit numbers: the digits that were meant, not those of the nearest such number.
      case .number(let value): number = Double("\(Float(value))") ?? value
      case .integer(let value): number = Double(value)
      default: return nil
      }
      return range.contains(number) ? number : nil
    }

    func flag(_ key: String) -> Bool? {
      if case .bool(let value) = values[key] { value } else { nil }
    }

    /// One count for each layer, or one for all.
    func counts(_ key: String) -> [Int]? {
      if let single = count(key) { return [single] }
      guard case .integers(let numbers) = values[key], !numbers.isEmpty else { return nil }
      return numbers.map { Int(min(max($0, 0), 1 << 31)) }
    }

    func length(ofArray key: String) -> Int? {
      switch values[key] {
      case .skipped(let count): count
      case .integers(let numbers): numbers.count
      default: nil
      }
    }

    func hasKey(prefix: String) -> Bool { values.keys.contains { $0.hasPrefix(prefix) } }
  }
}
