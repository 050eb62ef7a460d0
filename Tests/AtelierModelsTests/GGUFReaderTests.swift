import AtelierCore
import AtelierModels
import AtelierTesting
import Testing

struct GGUFReaderTests {
  private func read(_ writer: GGUFWriter, limits: GGUFLimits = .standard) throws -> GGUFHeader {
    let (bytes, size) = writer.header()
    return try GGUFReader.header(of: bytes, fileSize: size, limits: limits)
  }

  private func fault(_ bytes: [UInt8], fileSize: UInt64? = nil, limits: GGUFLimits = .standard) -> GGUFError? {
    do throws(GGUFError) {
      _ = try GGUFReader.header(of: bytes, fileSize: fileSize, limits: limits)
      return nil
    } catch {
      return error
    }
  }

  @Test(arguments: [UInt32(2), 3])
  func readsWhatListsNeed(version: UInt32) throws {
    var writer = GGUFWriter.llm(
      name: "Tiny", contextLength: 2048, fileType: 15, chatTemplate: "{{ messages }}", sizeLabel: "1M",
      extra: [
        ("llama.attention.key_length", .uint32(24)), ("llama.expert_count", .uint32(8)),
        ("llama.expert_used_count", .uint32(2)), ("llama.pooling_type", .uint32(1)),
        ("llama.attention.sliding_window", .uint32(512)), ("llama.ssm.state_size", .uint32(16)),
        ("split.count", .uint32(3)), ("split.no", .uint32(1)), ("clip.has_vision_encoder", .bool(true)),
        ("tokenizer.ggml.scores", .float32s([1, 2, 3])), ("general.tags", .strings(["a", ""])),
      ])
    writer.version = version
    writer.tensors = [.init("token_embd.weight", [8, 4]), .init("blk.0.ffn_up_exps.weight", [2, 3, 5])]
    let header = try read(writer)
    #expect(header.version == version)
    #expect(header.type == "model")
    #expect(header.architecture == "llama")
    #expect(header.name == "Tiny")
    #expect(header.sizeLabel == "1M")
    #expect(header.fileType == 15)
    #expect(header.contextLength == 2048)
    #expect(header.chatTemplate == "{{ messages }}")
    #expect((header.splitCount, header.splitNumber) == (3, 1))
    #expect(header.hasVisionEncoder == true)
    #expect(header.poolingType == 1)
    #expect(header.tensorCount == 2)
    #expect((header.parameterCount, header.expertParameterCount) == (62, 30))
    let geometry = header.geometry
    #expect((geometry.blockCount, geometry.embeddingLength, geometry.headCount) == (2, 64, 4))
    #expect(geometry.keyValueHeadCounts == [2])
    #expect((geometry.keyLength, geometry.valueLength, geometry.vocabularySize) == (24, 16, 4))
    #expect((geometry.expertCount, geometry.expertUsedCount) == (8, 2))
    #expect(geometry.hasSlidingWindow && geometry.isRecurrent)
  }

  @Test func readsHeadCountsPerLayer() throws {
    let writer = GGUFWriter([
      ("general.architecture", .string("x")), ("x.block_count", .uint32(3)),
      ("x.attention.head_count_kv", .int32s([0, 4, -1])),
    ])
    #expect(try read(writer).geometry.keyValueHeadCounts == [0, 4, 0])
  }

  @Test func refusesWhatItIsNot() {
    #expect(fault([]) == .notGGUF)
    #expect(fault(Array("GGML0000".utf8)) == .notGGUF)
    #expect(fault(Array("GGUF".utf8)) == .truncated)
    #expect(fault(Array("GGUF".utf8) + [0, 0, 0, 3] + Array(repeating: 0, count: 16)) == .bigEndian)
    var writer = GGUFWriter()
    writer.version = 1
    #expect(fault(writer.header().bytes) == .unsupportedVersion(1))
  }

  @Test func everyTruncationIsAnError() {
    let (bytes, size) = GGUFWriter.llm(chatTemplate: "{{ x }}").header()
    for length in 0..<bytes.count { #expect(fault(Array(bytes[..<length])) != nil) }
    // The header is whole but the tensor's data is not.
    #expect(fault(bytes, fileSize: size) == nil)
    #expect(fault(bytes, fileSize: size - 1) == .truncated)
    #expect(fault(bytes) == .truncated)
  }

  @Test func refusesDuplicateAndEmptyKeys() {
    let twice = GGUFWriter([("a", .uint32(1)), ("a", .uint32(2))]).header()
    #expect(fault(twice.bytes, fileSize: twice.fileSize) == .malformed(.duplicateKey))
    let empty = GGUFWriter([("", .uint32(1))]).header()
    #expect(fault(empty.bytes, fileSize: empty.fileSize) == .malformed(.emptyKey))
  }

  /// Each bound holds at its value and breaks one above.
  @Test func holdsItsLimits() throws {
    let writer = GGUFWriter(
      [("general.name", .string(String(repeating: "n", count: 100))), ("b", .strings(["x", "y", "z"]))],
      tensors: [.init("t", [4]), .init("u", [4])])
    let (bytes, size) = writer.header()
    let cases: [(WritableKeyPath<GGUFLimits, Int>, Int, GGUFError.Limit)] = [
      (\.metadataKeys, 2, .metadataKeys), (\.keyLength, 12, .keyLength), (\.arrayElements, 3, .arrayElements),
      (\.tensors, 2, .tensors), (\.keptBytes, 12 + 1 + 128 + 100, .keptBytes),
      (\.bytesRead, bytes.count + 64, .bytesRead),
    ]
    for (path, value, limit) in cases {
      var limits = GGUFLimits.standard
      limits[keyPath: path] = value
      #expect(fault(bytes, fileSize: size, limits: limits) == nil, "\(limit)")
      limits[keyPath: path] = limit == .bytesRead ? 10 : value - 1
      #expect(fault(bytes, fileSize: size, limits: limits) == .limitExceeded(limit), "\(limit)")
    }
  }

  @Test func stepsOverLongTexts() throws {
    var limits = GGUFLimits.standard
    limits.chatTemplateLength = 5
    limits.keptStringLength = 3
    let header = try read(.llm(name: "long name", chatTemplate: "123456"), limits: limits)
    #expect(header.name == nil && header.chatTemplate == nil)
    #expect(header.contextLength == nil)  // its key needs the architecture, which is too long too
    limits.chatTemplateLength = 6
    #expect(try read(.llm(chatTemplate: "123456"), limits: limits).chatTemplate == "123456")
  }

  /// Counts and lengths that claim more than there is must fail at once, not allocate or loop.
  @Test func lyingNumbersFailFast() {
    let (bytes, size) = GGUFWriter.llm().header()
    for place in stride(from: 8, to: bytes.count - 8, by: 1) {
      for lie in [UInt64.max, 1 << 62, 1 << 40, 1 << 31] {
        var bytes = bytes
        withUnsafeBytes(of: lie.littleEndian) { bytes.replaceSubrange(place..<place + 8, with: $0) }
        _ = fault(bytes, fileSize: size)
        _ = fault(bytes, fileSize: 1 << 40)
      }
    }
  }

  @Test func mutatedHeadersNeverTrap() {
    var random = SeededGenerator(seed: 7)
    let (bytes, size) = GGUFWriter.llm(name: "Tiny", chatTemplate: "{{ messages }}").header()
    for _ in 0..<20_000 {
      var mutated = bytes
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        mutated[Int.random(in: 4..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
      }
      if Bool.random(using: &random) { mutated.removeLast(Int.random(in: 0..<mutated.count, using: &random)) }
      guard let header = try? GGUFReader.header(of: mutated, fileSize: size) else { continue }
      // What comes out can be used for estimates.
      let estimate = MemoryEstimate.estimate(
        weights: .max / 4, geometry: header.geometry, configuration: .init(contextLength: .max, flashAttention: false))
      #expect(estimate.total > 0)
    }
  }
}
