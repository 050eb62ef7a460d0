import AtelierCore
import AtelierText
import AtelierWorker
import AtelierWorkerProtocol
import Foundation
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(1)))
struct WorkerSessionTests {
  @Test func anAnswerGoesOnBehindWhatAnotherWorkerSaid() async throws {
    let first = try await WorkerHarness.loaded(EchoBackend())
    try first.predict(1, "Grüße aus Oslo") { $0.maxOutputTokens = 12 }
    let (events, result) = try await first.answer(1)
    var tokens: [Int32] = []
    var text = ""
    // Each frame's tokens are those of exactly the text that came so far, but for what is held back.
    for case .events(let entries, let generated) in first.reports {
      tokens += generated.flatMap(\.tokens)
      text += entries.map(\.event).messageDeltas.joined()
      #expect("Grüße aus Oslo".utf8.prefix(tokens.count).starts(with: text.utf8))
    }
    #expect(tokens == Array("Grüße aus Oslo".utf8.prefix(12)).map { Int32($0) })
    #expect(events.messageDeltas.joined() == text)

    // In the middle of a character.
    let second = try await WorkerHarness.loaded(EchoBackend())
    try second.predict(9, "Grüße aus Oslo") {
      $0.maxOutputTokens = 12
      $0.soFar = AnswerSoFar(tokens: Array(tokens.prefix(3)))
    }
    try await second.receiveEnds(of: [9])
    let rest = second.reports.flatMap { report -> [GenerationEvent] in
      if case .events(let entries, _) = report { entries.map(\.event) } else { [] }
    }
    #expect(!rest.contains(.promptStarted) && !rest.contains(.messageStarted))
    #expect(rest.messageDeltas.joined() == "üße aus Os".prefix(text.count - 2))
    guard case .finished(let end)? = rest.last else { throw AtelierError(.internalError, "no end") }
    #expect(end.output == result.output && end.finishReason == .maxTokens)
    #expect(end.usage.outputTokens == 12 && end.usage.inputTokens == result.usage.inputTokens)
    first.channel.close()
    second.channel.close()
  }

  @Test func anAnswerThatWasCompleteIsNotContinued() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend())
    try worker.predict(1, "one two three") {
      $0.stop = ["two"]
      $0.soFar = AnswerSoFar(tokens: "one two".utf8.map { Int32($0) })
    }
    #expect(try await worker.rejection(1).code == .generationFailed)
    worker.channel.close()
  }

  @Test func streamedTextIsTheAnswer() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend())
    try worker.predict(1, "Grüße 🧵\n\nund e\u{301}nde ")
    let (events, result) = try await worker.answer(1)
    #expect(events.messageDeltas.joined() == "Grüße 🧵\n\nund e\u{301}nde ")
    #expect(result.text == "Grüße 🧵\n\nund e\u{301}nde ")
    #expect(result.finishReason == .endOfText)
    #expect(result.instance == nil && result.responseID == nil)
    #expect(result.usage.inputTokens == 26 && result.usage.outputTokens == 25)
    #expect(result.timings.timeToFirstToken > 0 && result.timings.generation > 0)
    #expect(
      events.prefix(3) == [
        .promptStarted, .promptProgress(1), .promptFinished(PromptUsage(tokens: 26, cachedTokens: 0)),
      ])
  }

  @Test func helloComesFirstThenLoading() async throws {
    let worker = try WorkerHarness { (load, progress) throws(AtelierError) in
      for value in [0.5, 0.3, 0.505, 0.9] { progress(value) }
      return EchoBackend(contextLength: load.configuration.contextLength)
    }
    try worker.send(.ping(7))
    try worker.load()
    _ = try await worker.receive { if case .loaded = $0 { true } else { false } }
    #expect(worker.reports.first == .hello(version: WorkerProtocol.version))
    let progress = worker.reports.compactMap { if case .loadProgress(let value) = $0 { value } else { nil } }
    #expect(progress == [0, 0.5, 0.9, 1])
    #expect(worker.reports.contains(.pong(7, WorkerState(running: 0, waiting: 0, steps: 0))))
  }

  @Test func aFailedLoadIsReportedAndEndsTheWorker() async throws {
    let error = AtelierError(.modelLoadFailed, "no such file", details: ["file": "a.gguf"])
    let worker = try WorkerHarness { (_, _) throws(AtelierError) in throw error }
    try worker.load()
    _ = try await worker.receive { $0 == .loadFailed(error) }
    #expect(try await worker.next() == nil)
    #expect(await worker.exitStatus() == 1)
  }

  @Test(arguments: ["END", "ND st", "\n"])
  func stopStringsEndTheAnswer(_ stop: String) async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend())
    try worker.predict(1, "before\nEND still") { $0.stop = ["unseen", stop] }
    let (events, result) = try await worker.answer(1)
    let expected = String("before\nEND still".prefix(upTo: "before\nEND still".range(of: stop)!.lowerBound))
    #expect(events.messageDeltas.joined() == expected)
    #expect(result.finishReason == .stopString && result.matchedStop == stop)
    #expect(result.output == [.message(expected)])
    try worker.predict(2, "next")
    #expect(try await worker.answer(2).result.text == "next")
  }

  @Test func theTemplatesOwnStopsCount() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend(additionalStops: ["<end>"]))
    try worker.predict(1, "a<end>b")
    #expect(try await worker.answer(1).result.matchedStop == "<end>")
  }

  @Test func cancellingEndsTheSequence() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend(contextLength: 200_000))
    try worker.predict(1, "∞")
    _ = try await worker.receive { if case .events = $0 { true } else { false } }
    try worker.send(.cancel(id: 1))
    let (_, result) = try await worker.answer(1)
    #expect(result.finishReason == .userStopped)
    try worker.predict(2, "still alive")
    #expect(try await worker.answer(2).result.text == "still alive")
  }

  @Test func aCancelRightBehindItsPredictionIsNotLost() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend(contextLength: 200_000))
    for id in UInt64(1)...50 {
      try worker.predict(id, "∞")
      try worker.send(.cancel(id: id))
    }
    try await worker.receiveEnds(of: Set(1...50))
    try worker.send(.ping(1))
    let pong = try await worker.receive { if case .pong = $0 { true } else { false } }
    guard case .pong(_, let state) = pong else { return }
    #expect(state.running == 0 && state.waiting == 0)
  }

  @Test func aPromptThatDoesNotFitIsRefusedWithBothNumbers() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend(contextLength: 64))
    try worker.predict(1, String(repeating: "x", count: 100))
    let error = try await worker.rejection(1)
    #expect(error.code == .contextLengthExceeded)
    #expect(error.details == ["prompt_tokens": 101, "context_length": 64])
    #expect(error.message.contains("101") && error.message.contains("64"))
    #expect(error.message.contains("context length"))
    try worker.predict(2, String(repeating: "x", count: 62))
    #expect(try await worker.answer(2).result.finishReason == .contextFull)
  }

  @Test func hugeTextIsRefusedUncounted() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend(contextLength: 64))
    try worker.predict(1, String(repeating: "x", count: 8 * 64 + 1))
    let error = try await worker.rejection(1)
    #expect(error.code == .contextLengthExceeded && error.message.contains("about"))
    try worker.send(.countTokens(id: 2, EngineRequest(input: .text(String(repeating: "x", count: 8 * 64 + 1)))))
    #expect(try await worker.rejection(2).code == .contextLengthExceeded)
  }

  @Test func imagesNeedVision() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend())
    let image = ImageData(format: .png, bytes: Data([1]), width: 1, height: 1)
    try worker.predict(1, "") { $0.input = .chat([Message(role: .user, content: [.image(image)])]) }
    #expect(try await worker.rejection(1).code == .unsupportedModality)
  }

  @Test func imagesHoldUpNoTextAndNobodysAreNotRead() async throws {
    let gate = DispatchSemaphore(value: 0)
    let worker = try await WorkerHarness.loaded(EchoBackend(readImage: { gate.wait() }))
    let image = ContentPart.image(ImageData(format: .png, bytes: Data([1]), width: 1, height: 1))
    for id in [UInt64(1), 2, 3] {
      try worker.predict(id, "") { $0.input = .chat([Message(role: .user, content: [image, .text("seen")])]) }
    }
    try worker.predict(4, "words")
    #expect(try await worker.answer(4).result.text == "words")
    // The first is being read, the second waits; after the answer to the ping both cancels have been taken in.
    for id in [UInt64(1), 2] { try worker.send(.cancel(id: id)) }
    try worker.send(.ping(1))
    _ = try await worker.receive { if case .pong = $0 { true } else { false } }
    gate.signal()
    #expect(try await worker.rejection(1).code == .cancelled)
    #expect(try await worker.rejection(2).code == .cancelled)
    gate.signal()
    #expect(try await worker.answer(3).result.text == "seen")
  }

  @Test func templateErrorsAndBadTokensAreRefused() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend())
    try worker.predict(1, "") { $0.input = .chat([]) }
    #expect(try await worker.rejection(1).code == .templateFailed)
    for (id, token) in [(UInt64(2), Int32(256)), (3, -1)] {
      try worker.predict(id, "") { $0.input = .tokens([5, token]) }
      #expect(try await worker.rejection(id).code == .invalidValue)
    }
    try worker.predict(4, "") { $0.input = .tokens([]) }
    #expect(try await worker.rejection(4).code == .invalidValue)
  }

  @Test func rawTextAndTokensSkipTheTemplate() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend())
    try worker.predict(1, "") { $0.input = .text("raw") }
    #expect(try await worker.answer(1).result.text == "raw")
    try worker.predict(2, "") { $0.input = .tokens([72, 105, EchoBackend.endOfPrompt]) }
    #expect(try await worker.answer(2).result.text == "Hi")
  }

  @Test func parallelAnswersDoNotMix() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend(rowsPerStep: 40), parallel: 3)
    let texts = (UInt64(1)...9).map { ($0, String(repeating: "answer \($0) – ", count: 5 + Int($0))) }
    for (id, text) in texts { try worker.predict(id, text) }
    try await worker.receiveEnds(of: Set(texts.map(\.0)))
    for (id, text) in texts { #expect(try worker.events(of: id).result.text == text) }
    let shared = worker.reports.contains {
      if case .events(let entries, _) = $0 { Set(entries.map(\.id)).count > 1 } else { false }
    }
    #expect(shared, "sequences of one step share a frame")
  }

  @Test func aStepSendsOneFrame() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend())
    for id in UInt64(1)...3 { try worker.predict(id, String(repeating: "step", count: 20)) }
    try await worker.receiveEnds(of: [1, 2, 3])
    let frames = worker.reports.filter { if case .events = $0 { true } else { false } }
    try worker.send(.ping(1))
    guard case .pong(_, let state) = try await worker.receive(until: { if case .pong = $0 { true } else { false } })
    else {
      return
    }
    #expect(frames.count <= state.steps)
    for frame in frames {
      guard case .events(let entries, _) = frame else { continue }
      let deltas = entries.filter { if case .messageDelta = $0.event { true } else { false } }
      #expect(Set(deltas.map(\.id)).count == deltas.count)
    }
  }

  @Test func anEngineFailureEndsOnlyItsAnswers() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend())
    try worker.predict(1, "💥")
    let (events, result) = try await worker.answer(1)
    #expect(result.finishReason == .failed && result.output == [])
    guard case .failed(let error) = events.dropLast().last else { throw AtelierError(.internalError, "no failure") }
    #expect(error.code == .generationFailed && !error.message.contains("secret"))
    try worker.predict(2, "on we go")
    #expect(try await worker.answer(2).result.text == "on we go")
  }

  @Test func limitsEndTheAnswer() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend())
    try worker.predict(1, "0123456789") { $0.maxOutputTokens = 4 }
    let (_, result) = try await worker.answer(1)
    #expect(result.text == "0123" && result.finishReason == .maxTokens && result.usage.outputTokens == 4)
  }

  @Test func reasoningIsSeparated() async throws {
    let worker = try await WorkerHarness.loaded(
      EchoBackend { ReasoningParser(startTag: "<t>", endTags: ["</t>"], startsInside: false) })
    try worker.predict(1, "<t>why\n</t>\n\nso") { $0.topLogprobs = 1 }
    let (events, result) = try await worker.answer(1)
    #expect(result.output == [.reasoning("why"), .message("so")])
    #expect(result.usage.reasoningTokens == 13)
    #expect(events.logprobs.map(\.chosen.bytes) == [Array("s".utf8), Array("o".utf8)])
    #expect(events.logprobs.allSatisfy { $0.top.count == 1 && $0.chosen.logprob <= 0 })
  }

  @Test func countsPromptTokens() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend(contextLength: 64))
    try worker.send(
      .countTokens(id: 1, EngineRequest(input: .chat([Message(.user, String(repeating: "x", count: 99))]))))
    _ = try await worker.receive { $0 == .counted(id: 1, tokens: 100) }
  }

  @Test func embedsInStepsOfLimitedSize() async throws {
    let backend = EchoBackend(contextLength: 3000)
    let worker = try await WorkerHarness.loaded(backend, kind: .embedding)
    let inputs: [EmbeddingRequest.Input] =
      [.tokens([1, 2, 3])] + (0..<5).map { _ in .text(String(repeating: "x", count: 999)) }
    try worker.send(.embed(id: 1, EmbeddingRequest(inputs: inputs)))
    let report = try await worker.receive { if case .embedded = $0 { true } else { false } }
    // Of unit length, whatever the engine gives.
    #expect(
      report == .embedded(id: 1, EmbeddingResult(vectors: inputs.map { _ in [1, 0] }, promptTokens: 5003)))
    #expect(backend.pooledInputs.withLock { $0 } == [3, 2, 1])
    try worker.send(.embed(id: 2, EmbeddingRequest(inputs: inputs + [.text(String(repeating: "y", count: 3000))])))
    let tooLong = try await worker.rejection(2)
    #expect(tooLong.code == .contextLengthExceeded && tooLong.param == "input.6")
    #expect(tooLong.details == ["prompt_tokens": 3001, "context_length": 3000])
    try worker.send(.embed(id: 3, EmbeddingRequest(inputs: [.tokens([])])))
    #expect(try await worker.rejection(3).param == "input.0")
    try worker.send(.embed(id: 4, EmbeddingRequest(inputs: [.text(String(repeating: "y", count: 24_001))])))
    #expect(try await worker.rejection(4).message.contains("about"), "refused uncounted")
    try worker.send(.embed(id: 5, EmbeddingRequest(inputs: [.tokens([1]), .tokens([256])])))
    #expect(try await worker.rejection(5).param == "input.1")
    try worker.predict(6, "no")
    #expect(try await worker.rejection(6).code == .modelTypeMismatch)
    #expect(backend.pooledInputs.withLock { $0.count } == 3, "what is refused costs no step")
  }

  @Test func aLanguageModelNeitherEmbedsNorRanks() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend())
    try worker.send(.embed(id: 1, EmbeddingRequest(inputs: [.text("x")])))
    #expect(try await worker.rejection(1).code == .modelTypeMismatch)
    try worker.send(.rerank(id: 2, RerankRequest(query: "x", documents: ["y"])))
    #expect(try await worker.rejection(2).code == .modelTypeMismatch)
  }

  @Test func manyEmbeddingsAtOnceAreAnsweredEachByItself() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend(isReranker: true), kind: .embedding)
    for id in UInt64(1)...30 {
      let documents = (0..<Int(id)).map { String(repeating: "x", count: $0) }
      try worker.send(.rerank(id: id, RerankRequest(query: "\(id % 10)", documents: documents)))
    }
    for _ in 1...30 {
      guard case .reranked(let id, let result) = try await worker.receive(until: { _ in true }) else {
        throw AtelierError(.internalError, "no answer: \(String(describing: worker.reports.last))")
      }
      #expect(result.scores == (0..<Int(id)).map { Float($0 + 2) })
    }
  }

  @Test func cancelledEmbeddingsEndAtOnceAndLeaveNothing() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend(), kind: .embedding)
    let request = EmbeddingRequest(inputs: (0..<500).map { _ in .text(String(repeating: "x", count: 2000)) })
    for id in UInt64(1)...20 {
      try worker.send(.embed(id: id, request))
      try worker.send(.cancel(id: id))
    }
    var open = Set(UInt64(1)...20)
    while !open.isEmpty {
      switch try await worker.receive(until: { _ in true }) {
      case .embedded(let id, _): open.remove(id)
      case .rejected(let id, let error):
        #expect(error.code == .cancelled)
        open.remove(id)
      default: break
      }
    }
    try worker.send(.ping(1))
    let pong = try await worker.receive { if case .pong = $0 { true } else { false } }
    guard case .pong(_, let state) = pong else { return }
    #expect(state.running == 0 && state.waiting == 0)
  }

  @Test func oneBadInputFailsItsRequestOnly() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend(), kind: .embedding)
    try worker.send(.embed(id: 1, EmbeddingRequest(inputs: [.text("a"), .text("∅"), .text("b")])))
    let error = try await worker.rejection(1)
    #expect(error.code == .generationFailed && error.param == "input.1")
    try worker.send(.rerank(id: 2, RerankRequest(query: "q", documents: ["a", "b", "∅"])))
    #expect(try await worker.rejection(2).param == "documents.2")
    try worker.send(.embed(id: 3, EmbeddingRequest(inputs: [.text("💥")])))
    let broken = try await worker.rejection(3)
    #expect(broken.code == .generationFailed && !broken.message.contains("secret"))
    try worker.send(.embed(id: 4, EmbeddingRequest(inputs: [.text("on we go")])))
    _ = try await worker.receive { if case .embedded(4, _) = $0 { true } else { false } }
  }

  @Test func aRerankerScoresInStepsOfLimitedSize() async throws {
    let backend = EchoBackend(isReranker: true)
    let worker = try await WorkerHarness.loaded(backend, kind: .embedding)
    let documents = [1, 3, 2].map { String(repeating: "x", count: 600 * $0) }
    try worker.send(.rerank(id: 1, RerankRequest(query: "why", documents: documents)))
    let report = try await worker.receive { if case .reranked = $0 { true } else { false } }
    #expect(report == .reranked(id: 1, RerankResult(scores: [604, 1804, 1204], promptTokens: 3612)))
    #expect(backend.pooledInputs.withLock { $0 } == [1, 1, 1])
    try worker.send(.embed(id: 2, EmbeddingRequest(inputs: [.text("x")])))
    #expect(try await worker.rejection(2).code == .modelTypeMismatch)
  }

  @Test func anEmbeddingModelRanksByCosine() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend(contextLength: 10), kind: .embedding)
    let documents = ["1", "22", String(repeating: "3", count: 99)]
    try worker.send(.rerank(id: 1, RerankRequest(query: "why", documents: documents)))
    let report = try await worker.receive { if case .reranked = $0 { true } else { false } }
    // The echo's vectors all point the same way; the last input is cut to the context.
    #expect(report == .reranked(id: 1, RerankResult(scores: [1, 1, 1], promptTokens: 19)))
    try worker.send(.rerank(id: 2, RerankRequest(query: "", documents: ["x"])))
    #expect(try await worker.rejection(2).param == "query")
  }

  @Test func shutdownEndsAtOnce() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend(contextLength: 200_000))
    try worker.predict(1, "∞")
    _ = try await worker.receive { if case .events = $0 { true } else { false } }
    try worker.send(.shutdown)
    while try await worker.next() != nil {}
    #expect(await worker.exitStatus() == 0)
  }

  @Test func theEndOfTheSocketEndsTheWorker() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend())
    worker.channel.close()
    #expect(await worker.exitStatus() == 0)
  }

  @Test func aBrokenFrameEndsTheWorker() async throws {
    let worker = try await WorkerHarness.loaded(EchoBackend())
    try worker.channel.send([0x63])
    #expect(await worker.exitStatus() == 1)
  }
}
