import AtelierCore
import AtelierEngine
import AtelierTesting
import AtelierWorker
import Foundation

@testable import AtelierLlama

/// Models of a few thousand random weights, one of each kind of memory that cannot simply be cut. What they say is noise,
/// but noise that depends on every token before.
enum StateModel: String, CaseIterable, Sendable {
  case recurrent, hybrid, window

  static let vocabulary = 320
  /// Tokens.
  static let windowLength = 32
  private static let width = 64

  var architecture: String {
    switch self {
    case .recurrent: "mamba2"
    case .hybrid: "falcon-h1"
    case .window: "gemma3"
    }
  }

  /// Loads the model with a context of its own. A window fits any context at full size here, so a plan that keeps only
  /// windows has to be asked for.
  func backend(
    contextLength: Int = 1024, parallel: Int = 4, adjust: ((inout MemoryPlan) -> Void)? = nil
  ) throws -> LlamaBackend {
    let folder = FileManager.default.temporaryDirectory.appending(path: "atelier-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "\(rawValue).gguf")
    try writer.write(to: file)
    return try LlamaBackend.load(
      TestModel.load([file.path], contextLength: contextLength, parallel: parallel), adjust: adjust,
      progress: { _ in true })
  }

  /// Tokens that mean nothing.
  static func tokens(_ count: Int, seed: UInt64) -> [Int32] {
    var random = SeededGenerator(seed: seed)
    return (0..<count).map { _ in Int32(random.next() % UInt64(vocabulary - 3)) + 3 }
  }

  private var writer: GGUFWriter {
    let name = architecture
    var metadata: [(String, GGUFWriter.Value)] = [
      ("general.architecture", .string(name)), ("general.type", .string("model")),
      ("\(name).context_length", .uint32(4096)), ("\(name).embedding_length", .uint32(UInt32(Self.width))),
      ("\(name).block_count", .uint32(self == .window ? 6 : 2)), ("\(name).feed_forward_length", .uint32(64)),
      ("\(name).attention.layer_norm_rms_epsilon", .float32(1e-6)),
    ]
    if self != .recurrent {
      metadata += [
        ("\(name).attention.head_count", .uint32(4)), ("\(name).attention.head_count_kv", .uint32(2)),
        ("\(name).attention.key_length", .uint32(16)), ("\(name).attention.value_length", .uint32(16)),
        ("\(name).rope.dimension_count", .uint32(16)),
      ]
    }
    if self == .window {
      metadata.append(("\(name).attention.sliding_window", .uint32(UInt32(Self.windowLength))))
    } else {
      metadata += [
        ("\(name).ssm.conv_kernel", .uint32(4)), ("\(name).ssm.inner_size", .uint32(128)),
        ("\(name).ssm.state_size", .uint32(16)), ("\(name).ssm.time_step_rank", .uint32(8)),
        ("\(name).ssm.group_count", .uint32(1)),
      ]
    }
    let bytes = (0..<256).map { byte in
      let digits = String(byte, radix: 16, uppercase: true)
      return "<0x\(byte < 16 ? "0" : "")\(digits)>"
    }
    let words = (0..<Self.vocabulary - 259).map { "\u{2581}w\($0)" }
    metadata += [
      ("tokenizer.ggml.model", .string("llama")),
      ("tokenizer.ggml.tokens", .strings(["<unk>", "<s>", "</s>"] + bytes + words)),
      ("tokenizer.ggml.scores", .float32s(Array(repeating: 0, count: Self.vocabulary))),
      (
        "tokenizer.ggml.token_type",
        .int32s([2, 3, 3] + Array(repeating: 6, count: 256) + Array(repeating: 1, count: Self.vocabulary - 259))
      ),
      ("tokenizer.ggml.bos_token_id", .uint32(1)), ("tokenizer.ggml.eos_token_id", .uint32(2)),
    ]
    return GGUFWriter(metadata, tensors: tensors)
  }

  private var tensors: [GGUFWriter.Tensor] {
    var random = SeededGenerator(seed: 99)
    func matrix(_ name: String, _ inputs: Int, _ outputs: Int, gain: Float = 1) -> GGUFWriter.Tensor {
      let scale = gain / Float(inputs).squareRoot()
      return GGUFWriter.Tensor(
        name, [UInt64(inputs), UInt64(outputs)], values: (0..<inputs * outputs).map { _ in random.normal() * scale })
    }
    func ones(_ name: String, _ shape: UInt64...) -> GGUFWriter.Tensor {
      GGUFWriter.Tensor(name, shape, values: Array(repeating: 1, count: Int(shape.reduce(1, *))))
    }
    func vector(_ name: String, _ shape: [UInt64], _ range: ClosedRange<Float>) -> GGUFWriter.Tensor {
      let count = Int(shape.reduce(1, *))
      return GGUFWriter.Tensor(name, shape, values: (0..<count).map { _ in Float.random(in: range, using: &random) })
    }
    let width = Self.width
    var tensors = [
      // Gemma multiplies embeddings by the root of their length.
      matrix("token_embd.weight", width, Self.vocabulary, gain: self == .window ? 1 : 8),
      ones("output_norm.weight", UInt64(width)),
      matrix("output.weight", width, Self.vocabulary, gain: 8),
    ]
    for block in 0..<(self == .window ? 6 : 2) {
      let name = "blk.\(block)."
      tensors.append(ones(name + "attn_norm.weight", UInt64(width)))
      if self != .recurrent {
        tensors += [
          matrix(name + "attn_q.weight", width, 64, gain: 2), matrix(name + "attn_k.weight", width, 32, gain: 2),
          matrix(name + "attn_v.weight", width, 32, gain: 2), matrix(name + "attn_output.weight", 64, width, gain: 2),
          matrix(name + "ffn_gate.weight", width, 64), matrix(name + "ffn_up.weight", width, 64),
          matrix(name + "ffn_down.weight", 64, width),
        ]
      }
      if self == .window {
        tensors += [
          ones(name + "post_attention_norm.weight", 64), ones(name + "attn_q_norm.weight", 16),
          ones(name + "attn_k_norm.weight", 16), ones(name + "ffn_norm.weight", 64),
          ones(name + "post_ffw_norm.weight", 64),
        ]
      } else {
        tensors += [
          matrix(name + "ssm_in.weight", width, 296, gain: 2), matrix(name + "ssm_conv1d.weight", 4, 160, gain: 2),
          vector(name + "ssm_conv1d.bias", [160], -0.1...0.1), vector(name + "ssm_dt.bias", [8], -3 ... -1),
          vector(name + "ssm_a", [1, 8], -0.5 ... -0.01), vector(name + "ssm_d", [1, 8], 0...1),
          ones(name + "ssm_norm.weight", 128, 1), matrix(name + "ssm_out.weight", 128, width, gain: 3),
        ]
      }
      // This architecture's name has no suffix.
      if self == .hybrid { tensors.append(ones(name + "ffn_norm", 64)) }
    }
    return tensors
  }
}

extension SeededGenerator {
  /// About normal: the sum of four uniform numbers, of variance 1.
  fileprivate mutating func normal() -> Float {
    (0..<4).reduce(Float(0)) { sum, _ in sum + Float.random(in: -1...1, using: &self) } * 0.866
  }
}
