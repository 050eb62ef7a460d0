import Foundation

/// Builds small GGUF files, version 3, for tests. Tensor data is zeros, written as a hole so that large shapes cost nothing,
/// unless it is given.
package struct GGUFWriter {
  package enum Value {
    case uint32(UInt32)
    case uint64(UInt64)
    case int32(Int32)
    case float32(Float)
    case bool(Bool)
    case string(String)
    case strings([String])
    case int32s([Int32])
    case float32s([Float])
  }

  /// A tensor of F32 values.
  package struct Tensor {
    package var name: String
    /// The innermost dimension first.
    package var shape: [UInt64]
    /// As many as the shape says, the innermost dimension first; empty: zeros.
    package var values: [Float]

    package init(_ name: String, _ shape: [UInt64], values: [Float] = []) {
      self.name = name
      self.shape = shape
      self.values = values
    }

    var bytes: UInt64 { shape.reduce(4, *) }
  }

  package var version: UInt32 = 3
  /// In the order written.
  package var metadata: [(String, Value)] = []
  package var tensors: [Tensor] = []

  package init(_ metadata: [(String, Value)] = [], tensors: [Tensor] = [Tensor("token_embd.weight", [8, 4])]) {
    self.metadata = metadata
    self.tensors = tensors
  }

  /// A language model as small as the readers accept.
  package static func llm(
    architecture: String = "llama", name: String? = nil, contextLength: UInt32 = 8192, fileType: UInt32? = nil,
    chatTemplate: String? = nil, sizeLabel: String? = nil, extra: [(String, Value)] = []
  ) -> GGUFWriter {
    var metadata: [(String, Value)] = [
      ("general.architecture", .string(architecture)), ("general.type", .string("model")),
    ]
    if let name { metadata.append(("general.name", .string(name))) }
    if let sizeLabel { metadata.append(("general.size_label", .string(sizeLabel))) }
    if let fileType { metadata.append(("general.file_type", .uint32(fileType))) }
    metadata += [
      ("\(architecture).context_length", .uint32(contextLength)), ("\(architecture).block_count", .uint32(2)),
      ("\(architecture).embedding_length", .uint32(64)), ("\(architecture).attention.head_count", .uint32(4)),
      ("\(architecture).attention.head_count_kv", .uint32(2)),
      ("tokenizer.ggml.tokens", .strings(["<s>", "</s>", "a", "b"])),
    ]
    if let chatTemplate { metadata.append(("tokenizer.chat_template", .string(chatTemplate))) }
    return GGUFWriter(metadata + extra)
  }

  /// Bytes up to the tensor data, and the size of the whole file.
  package func header() -> (bytes: [UInt8], fileSize: UInt64) {
    var out = Array("GGUF".utf8)
    append(version, to: &out)
    append(UInt64(tensors.count), to: &out)
    append(UInt64(metadata.count), to: &out)
    for (key, value) in metadata {
      append(key, to: &out)
      append(value, to: &out)
    }
    var offset: UInt64 = 0
    for tensor in tensors {
      append(tensor.name, to: &out)
      append(UInt32(tensor.shape.count), to: &out)
      for length in tensor.shape { append(length, to: &out) }
      append(UInt32(0), to: &out)
      append(offset, to: &out)
      offset += (tensor.bytes + 31) / 32 * 32
    }
    out += Array(repeating: 0, count: (32 - out.count % 32) % 32)
    return (out, UInt64(out.count) + offset)
  }

  /// Writes the file, creating its folder.
  package func write(to url: URL) throws {
    let (bytes, size) = header()
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data(bytes).write(to: url)
    let file = try FileHandle(forWritingTo: url)
    try file.truncate(atOffset: size)
    var offset = UInt64(bytes.count)
    for tensor in tensors {
      if !tensor.values.isEmpty {
        try file.seek(toOffset: offset)
        try file.write(contentsOf: tensor.values.withUnsafeBytes { Data($0) })
      }
      offset += (tensor.bytes + 31) / 32 * 32
    }
    try file.close()
  }

  private func append(_ value: some FixedWidthInteger, to out: inout [UInt8]) {
    withUnsafeBytes(of: value.littleEndian) { out.append(contentsOf: $0) }
  }

  private func append(_ text: String, to out: inout [UInt8]) {
    append(UInt64(text.utf8.count), to: &out)
    out.append(contentsOf: text.utf8)
  }

  private func append(_ value: Value, to out: inout [UInt8]) {
    switch value {
    case .uint32(let number): tagged(4, &out) { append(number, to: &$0) }
    case .uint64(let number): tagged(10, &out) { append(number, to: &$0) }
    case .int32(let number): tagged(5, &out) { append(number, to: &$0) }
    case .float32(let number): tagged(6, &out) { append(number.bitPattern, to: &$0) }
    case .bool(let flag): tagged(7, &out) { $0.append(flag ? 1 : 0) }
    case .string(let text): tagged(8, &out) { append(text, to: &$0) }
    case .strings(let texts): array(8, texts, &out) { append($0, to: &$1) }
    case .int32s(let numbers): array(5, numbers, &out) { append($0, to: &$1) }
    case .float32s(let numbers): array(6, numbers, &out) { append($0.bitPattern, to: &$1) }
    }
  }

  private func tagged(_ type: UInt32, _ out: inout [UInt8], _ body: (inout [UInt8]) -> Void) {
    append(type, to: &out)
    body(&out)
  }

  private func array<Element>(
    _ type: UInt32, _ elements: [Element], _ out: inout [UInt8], _ body: (Element, inout [UInt8]) -> Void
  ) {
    append(UInt32(9), to: &out)
    append(type, to: &out)
    append(UInt64(elements.count), to: &out)
    for element in elements { body(element, &out) }
  }
}
