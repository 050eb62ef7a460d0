import AtelierCore
import AtelierEngine
import AtelierWorker
import CLlama
import Foundation
import Testing

@testable import AtelierLlama

/// Models of random weights with projectors, one of each way in which pictures stand in a prompt.
enum VisionModels {
  static let variable = "ATELIER_TEST_VISION_MODELS"
  static let folder = ProcessInfo.processInfo.environment[variable] ?? ""

  static func load(_ kind: String, projector: String? = nil, evalBatchSize: Int = 128) -> EngineLoad {
    EngineLoad(
      kind: .llm, files: ["\(folder)/\(kind)/model.gguf"], projector: projector ?? "\(folder)/\(kind)/mmproj.gguf",
      configuration: LoadConfiguration(
        contextLength: 512, evalBatchSize: evalBatchSize, parallel: 4, kvCacheType: "f32", threads: 1, promptThreads: 1)
    )
  }
}

@Suite(
  .enabled(if: !VisionModels.folder.isEmpty, "set ATELIER_TEST_VISION_MODELS to the folder of test-models.sh vision"),
  .serialized)
struct LlamaVisionTests {
  private static let kinds = ["mlp", "gemma3", "qwen2vl"]
  private static let picture = SamplePictures.bmp(width: 120, height: 90) { x, y in
    (UInt8(x * 2), UInt8(y * 2), UInt8(x * y % 256))
  }
  private static let other = SamplePictures.bmp(width: 120, height: 90) { x, y in
    (UInt8(255 - x), UInt8(y), UInt8(x + y))
  }

  private func backend(_ kind: String, evalBatchSize: Int = 128) throws -> LlamaBackend {
    try LlamaBackend.load(VisionModels.load(kind, evalBatchSize: evalBatchSize), progress: { _ in true })
  }

  private func render(
    _ backend: LlamaBackend, _ content: [ContentPart] = [.text("What is "), .image(picture), .text("this?")],
    for use: PromptUse = .generating { true }
  ) throws -> RenderedPrompt {
    let messages = [Message(role: .user, content: content)]
    return try backend.renderPrompt(EngineRequest(input: .chat(messages)), messages: messages, for: use)
  }

  /// Computes the prompt from token `start` on, as the scheduler would, and returns the last token's logits.
  private func logits(
    _ runner: any ModelRunner, _ prompt: RenderedPrompt, sequence: Int = 0, from start: Int = 0, chunk: Int = .max
  ) throws -> [Float] {
    var place = start
    while place < prompt.tokens.count {
      var batch = Batch(capacity: runner.maxBatchRows)
      if let span = prompt.media.first(where: { $0.start <= place && $0.end > place }) {
        let count = span.embedding.isWhole ? span.end - place : min(chunk, span.end - place)
        batch.append(
          Batch.MediaRows(
            embedding: span.embedding, rows: place - span.start..<place - span.start + count, position: place,
            sequence: sequence))
        place += count
      } else {
        let end = prompt.media.first { $0.start > place }?.start ?? prompt.tokens.count
        for position in place..<end {
          batch.append(
            token: prompt.tokens[position], position: position, sequence: sequence,
            logits: position == prompt.tokens.count - 1)
        }
        place = end
      }
      try runner.decode(batch)
      if place == prompt.tokens.count { return Array(runner.logits(row: batch.count - 1)) }
    }
    return []
  }

  private func difference(_ first: [Float], _ second: [Float]) -> Float {
    first.count == second.count ? zip(first, second).map { abs($0 - $1) }.max() ?? .infinity : .infinity
  }

  /// What llama.cpp's own helper computes for the same chat.
  private func reference(_ kind: String) throws -> [Float] {
    let load = VisionModels.load(kind)
    let model = try LlamaModel.load(load, progress: { _ in true })
    let context = try LlamaContext(model, try LlamaContext.parameters(load.configuration))
    var parameters = mtmd_context_params_default()
    parameters.print_timings = false
    parameters.n_threads = 1
    let vision = try #require(mtmd_init_from_file(load.projector, model.pointer, parameters))
    defer { mtmd_free(vision) }
    let decoded = try Picture(Self.picture, number: 1)
    let bitmap = mtmd_bitmap_init(decoded.width, decoded.height, decoded.pixels)
    defer { mtmd_bitmap_free(bitmap) }
    var bitmaps = [bitmap]
    let chunks = mtmd_input_chunks_init()
    defer { mtmd_input_chunks_free(chunks) }
    let text = "<|im_start|>user\nWhat is <__media__>this?<|im_end|>\n<|im_start|>assistant\n"
    let status = text.withCString { text in
      var input = mtmd_input_text(text: text, text_len: strlen(text), add_special: true, parse_special: true)
      return mtmd_tokenize(vision, chunks, &input, &bitmaps, 1)
    }
    try #require(status == 0)
    var past: llama_pos = 0
    try #require(mtmd_helper_eval_chunks(vision, context.pointer, chunks, 0, 0, 128, true, &past) == 0)
    let logits = try #require(llama_get_logits_ith(context.pointer, -1))
    return Array(UnsafeBufferPointer(start: logits, count: LlamaTokenizer(model).vocabularySize))
  }

  @Test(arguments: kinds)
  func rowsAreComputedAsLlamaCppComputesThem(kind: String) throws {
    let expected = try reference(kind)
    let backend = try backend(kind)
    #expect(backend.properties.hasVision && backend.visionProblem == nil)
    let runner = try backend.makeRunner()
    let prompt = try render(backend)
    #expect(difference(try logits(runner, prompt), expected) < 1e-3)
    // Another picture makes a difference, so the agreement above says something.
    let another = try render(backend, [.text("What is "), .image(Self.other), .text("this?")])
    #expect(another.tokens.count == prompt.tokens.count)
    #expect(difference(try logits(runner, another, sequence: 1), expected) > 0.01)
    if kind != "gemma3" {
      #expect(difference(try logits(runner, prompt, sequence: 2, chunk: 5), expected) < 1e-3)
    }
  }

  @Test(arguments: kinds)
  func aSharedPictureContinuesAsAComputedOne(kind: String) throws {
    let backend = try backend(kind)
    let runner = try backend.makeRunner()
    let prompt = try render(
      backend, [.text("A "), .image(Self.picture), .text("and "), .image(Self.other), .text("here?")])
    #expect(prompt.media.count == 2)
    let expected = try logits(runner, prompt)
    for (sequence, count) in [(1, prompt.media[0].end), (2, prompt.media[1].end), (3, prompt.tokens.count - 1)] {
      runner.copySequence(0, to: sequence, count: count)
      #expect(difference(try logits(runner, prompt, sequence: sequence, from: count), expected) < 1e-3)
    }
    // Cut behind the second picture, before it, and before the first one.
    for place in [prompt.media[1].end, prompt.media[1].start, prompt.media[0].start, 0] {
      #expect(runner.trimSequence(0, from: place))
      #expect(difference(try logits(runner, prompt, from: place), expected) < 1e-3)
    }
    // A grid is not cut in its middle, and stays whole then.
    let middle = prompt.media[1].start + 2
    #expect(runner.trimSequence(1, from: middle) == (kind != "qwen2vl"))
  }

  @Test(arguments: kinds)
  func countingNeedsNoDecoding(kind: String) throws {
    let backend = try backend(kind)
    let counted = try render(backend, for: .counting)
    #expect(try render(backend).tokens.count == counted.tokens.count)
    var unreadable = Self.picture
    unreadable.bytes = Data("BM".utf8)
    let content: [ContentPart] = [.text("What is "), .image(unreadable), .text("this?")]
    #expect(try render(backend, content, for: .counting).tokens.count == counted.tokens.count)
    #expect(throws: AtelierError.self) { try render(backend, content) }
  }

  @Test func aPictureOfManyRowsFitsASmallBatch() throws {
    let backend = try backend("gemma3", evalBatchSize: 4)
    let runner = try backend.makeRunner()
    let prompt = try render(backend)
    #expect(prompt.media[0].embedding.isWhole && prompt.media[0].embedding.rows == 16)
    #expect(runner.maxBatchRows >= 16)
    #expect(difference(try logits(runner, prompt), try reference("gemma3")) < 1e-3)
  }

  @Test func theSameImageIsTheSamePictureAndEncodedOnce() throws {
    let backend = try backend("mlp")
    let first = try render(backend)
    let second = try render(backend, [.text("Other "), .image(Self.picture), .image(Self.other), .text("words.")])
    #expect(second.media.count == 2)
    #expect(first.media[0].embedding === second.media[0].embedding)
    #expect(second.media[0].embedding.token != second.media[1].embedding.token)
    // In the order of the conversation, without a line break beside an image.
    #expect(second.media[1].start == second.media[0].end)
  }

  @Test func whoIsNotWantedAnyMoreIsNotEncoded() throws {
    let backend = try backend("mlp")
    #expect(throws: AtelierError.requestCancelled) { try render(backend, for: .generating { false }) }
  }

  @Test func aPromptTooLongWithItsImagesIsRefusedUndecoded() throws {
    let backend = try backend("mlp")
    var unreadable = Self.picture
    unreadable.bytes = Data("BM".utf8)
    let content: [ContentPart] = Array(repeating: .image(unreadable), count: 40) + [.text("?")]
    do {
      _ = try render(backend, content)
      Issue.record("took it")
    } catch {
      let error = error as? AtelierError
      #expect(error?.code == .contextLengthExceeded)
      #expect(error?.details["prompt_tokens"]?.integerValue ?? 0 > 640)
    }
  }

  @Test func roleMarkersInTheTextAroundAnImageStayText() throws {
    let backend = try backend("mlp")
    let prompt = try render(backend, [.text("<|im_end|>\u{F0000}"), .image(Self.picture), .text("<|im_start|>")])
    let special = backend.tokenize("<|im_start|>", addSpecial: false, parseSpecial: true)
    #expect(prompt.tokens.count { $0 == special[0] } == 2)
  }

  @Test func aProjectorOfAnotherModelTurnsImagesOff() throws {
    let other = "\(VisionModels.folder)/mlp/model.gguf"
    let backend = try LlamaBackend.load(VisionModels.load("mlp", projector: other), progress: { _ in true })
    #expect(!backend.properties.hasVision)
    #expect(backend.visionProblem?.contains("projector") == true)
    #expect(try render(backend, [.text("Hi")]).tokens.count > 4)
  }
}
