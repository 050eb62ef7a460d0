import AtelierCore

/// Turns what llama.cpp logged about a failed load into an error for people: no paths, no library text.
enum LoadFailure {
  static func error(from lines: [String]) -> AtelierError {
    if let architecture = quoted(after: "unknown model architecture:", in: lines) {
      return AtelierError(
        .unsupportedArchitecture, "The model's architecture '\(architecture)' is not supported by this engine.")
    }
    for reason in reasons where lines.contains(where: { line in reason.marks.contains { line.contains($0) } }) {
      return AtelierError(reason.code, reason.message)
    }
    return AtelierError(
      .corruptFile, "The model could not be loaded: its file is damaged or not a model this engine understands.")
  }

  static func failed(_ message: String) -> AtelierError { AtelierError(.modelLoadFailed, message) }

  private struct Reason {
    var marks: [String]
    var code: AtelierError.Code
    var message: String
  }

  /// In order of precedence: the first whose mark stands in any line.
  private static let reasons: [Reason] = [
    Reason(
      marks: [
        "unable to allocate", "failed to allocate", "bad_alloc", "not enough space", "Cannot allocate memory",
        "mmap failed",
      ],
      code: .insufficientMemory,
      message: "There is not enough memory to load the model with this context length. Unload other models or ask for "
        + "a shorter context."),
    Reason(
      marks: ["invalid split", "illegal split", "failed to load GGUF split", "missing key split"],
      code: .missingShard, message: "A part of the split model is missing or belongs to another model."),
    Reason(
      marks: ["corrupted or incomplete", "corrupted model", "not within the file bounds", "unexpectedly reached end"],
      code: .corruptFile, message: "The model file is damaged or incomplete. Download it again."),
    Reason(
      marks: ["invalid magic", "failed to read magic"],
      code: .corruptFile, message: "The model file is not in the GGUF format."),
    Reason(
      marks: ["CLIP cannot be used as main model"],
      code: .modelLoadFailed, message: "The file is a projector for images, not a model of its own."),
    Reason(
      marks: ["error loading model vocabulary", "unknown pre-tokenizer", "unknown tokenizer"],
      code: .unsupportedArchitecture, message: "The model's tokenizer is not supported by this engine."),
    Reason(
      marks: ["quantized V cache", "V cache quantization"],
      code: .modelLoadFailed, message: "A quantized KV cache needs flash attention. Turn flash attention on or use f16."
    ),
    Reason(
      marks: ["missing tensor", "wrong number of tensors", "has wrong shape", "error loading model hyperparameters"],
      code: .corruptFile, message: "The model file does not fit its architecture; it may need a newer engine."),
  ]

  /// `name` of `mark 'name'`, if it looks like a name.
  private static func quoted(after mark: String, in lines: [String]) -> String? {
    for line in lines {
      guard let found = line.firstRange(of: mark) else { continue }
      let parts = line[found.upperBound...].split(separator: "'", omittingEmptySubsequences: false)
      guard parts.count >= 3 else { continue }
      let name = parts[1].prefix(64)
      return name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) } ? String(name) : nil
    }
    return nil
  }
}
