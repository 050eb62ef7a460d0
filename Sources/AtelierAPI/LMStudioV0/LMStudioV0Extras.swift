import AtelierCore

extension OpenAIExtras {
  /// `stats`, `model_info` and `runtime` (native.md 12.4), on the last chunk that is no `[DONE]` (12.5).
  static let legacy = OpenAIExtras(
    members: { result in
      [
        "stats": stats(of: result), "model_info": modelInfo(result.instance), "runtime": LMStudioV0Runtime.value,
      ]
    }, isOnUsageChunk: true)

  private static func modelInfo(_ instance: InstanceSelection?) -> JSONValue {
    [
      "arch": .string(instance?.architecture ?? ""), "quant": .string(instance?.quantization ?? ""), "format": "gguf",
      "context_length": .count(instance?.contextLength ?? 0),
    ]
  }
}

/// What generates the answers, in LM Studio's words. Models run in `llama.cpp` on the machine this was built for.
enum LMStudioV0Runtime {
  static let value: JSONValue = [
    "name": .string("llama.cpp-\(system)-\(machine)"), "version": "1.0.0", "supported_formats": ["gguf"],
  ]

  #if os(Linux)
    private static let system = "linux"
  #elseif os(macOS)
    private static let system = "mac"
  #else
    private static let system = "other"
  #endif

  #if arch(x86_64)
    private static let machine = "x86_64"
  #elseif arch(arm64)
    private static let machine = "arm64"
  #else
    private static let machine = "other"
  #endif
}
