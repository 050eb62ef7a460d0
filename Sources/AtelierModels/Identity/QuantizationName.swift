import AtelierCore

/// Names of quantizations, as files and lists write them.
enum QuantizationName {
  /// Whether a word of a file name names one: `Q4_K_M`, `iq3_xxs`, `bf16`.
  static func matches(_ word: Substring) -> Bool {
    let word = word.uppercased()
    if whole.contains(word) { return true }
    var rest = word[...]
    if rest.hasPrefix("TQ") || rest.hasPrefix("IQ") { rest = rest.dropFirst() }
    guard rest.first == "Q", let digit = rest.dropFirst().first, ("1"..."8").contains(digit) else { return false }
    rest = rest.dropFirst(2)
    if rest.isEmpty { return true }
    guard rest.first == "_" else { return false }
    return rest.dropFirst().split(separator: "_", omittingEmptySubsequences: false).allSatisfy {
      !$0.isEmpty && $0.count <= 3 && $0.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) }
    }
  }

  private static let whole: Set<String> = ["F16", "BF16", "F32", "FP16", "FP32", "F64", "MXFP4", "MXFP4_MOE", "NVFP4"]

  /// The coarse number of native.md 7.2.
  static func coarseBits(of name: String) -> Double? {
    let name = name.uppercased()
    let core = name.hasPrefix("UD-") ? name.dropFirst(3) : name[...]
    switch core {
    case "F16", "BF16", "FP16": return 16
    case "F32", "FP32": return 32
    case "F64": return 64
    case _ where core.hasPrefix("MXFP4") || core == "NVFP4": return 4
    default: return core.first(where: \.isNumber).flatMap(\.wholeNumberValue).map(Double.init)
    }
  }

  /// From `llama_ftype` (llama.h) where the file name says nothing.
  static func name(ofFileType type: Int) -> String? {
    switch type {
    case 0: "F32"
    case 1: "F16"
    case 2: "Q4_0"
    case 3: "Q4_1"
    case 7: "Q8_0"
    case 8: "Q5_0"
    case 9: "Q5_1"
    case 10: "Q2_K"
    case 11: "Q3_K_S"
    case 12: "Q3_K_M"
    case 13: "Q3_K_L"
    case 14: "Q4_K_S"
    case 15: "Q4_K_M"
    case 16: "Q5_K_S"
    case 17: "Q5_K_M"
    case 18: "Q6_K"
    case 19: "IQ2_XXS"
    case 20: "IQ2_XS"
    case 21: "Q2_K_S"
    case 22: "IQ3_XS"
    case 23: "IQ3_XXS"
    case 24: "IQ1_S"
    case 25: "IQ4_NL"
    case 26: "IQ3_S"
    case 27: "IQ3_M"
    case 28: "IQ2_S"
    case 29: "IQ2_M"
    case 30: "IQ4_XS"
    case 31: "IQ1_M"
    case 32: "BF16"
    case 36: "TQ1_0"
    case 37: "TQ2_0"
    case 38: "MXFP4_MOE"
    case 39: "NVFP4"
    case 40: "Q1_0"
    case 41: "Q2_0"
    default: nil
    }
  }

  static func quantization(named name: String?) -> Quantization? {
    name.map { Quantization(name: $0, bitsPerWeight: coarseBits(of: $0)) }
  }

  /// Place in the order of native.md 10.8; lower is better. Names outside it come last.
  package static func preference(of name: String?) -> Int {
    guard let name = name?.uppercased() else { return order.count }
    let core = name.hasPrefix("UD-") ? String(name.dropFirst(3)) : name
    if let place = order.firstIndex(of: core) { return place }
    if core.hasPrefix("IQ3_") { return order.firstIndex(of: "IQ3_") ?? order.count }
    return order.count
  }

  private static let order = [
    "Q4_K_M", "Q4_K_S", "Q4_0", "Q4_1", "IQ4_XS", "Q5_K_M", "Q5_K_S", "Q6_K", "Q8_0", "Q3_K_L", "Q3_K_M", "Q3_K_S",
    "IQ3_", "Q2_K", "BF16", "F16", "F32",
  ]

  /// Place of a projector's precision in the order of native.md 10.8.
  static func projectorPreference(of name: String?) -> Int {
    let order = ["F16", "BF16", "Q8_0", "F32"]
    return name.flatMap { order.firstIndex(of: $0.uppercased()) } ?? order.count
  }
}
