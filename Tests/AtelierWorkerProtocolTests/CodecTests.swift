import AtelierCore
import AtelierTesting
import AtelierWorkerProtocol
import Testing

struct CodecTests {
  @Test(arguments: Samples.commands)
  func commandsSurvive(_ command: WorkerCommand) throws {
    #expect(try WorkerCommand(frame: command.encoded()) == command)
  }

  @Test(arguments: Samples.reports)
  func reportsSurvive(_ report: WorkerReport) throws {
    #expect(try WorkerReport(frame: report.encoded()) == report)
  }

  @Test func oneTokenOfTextIsSmall() throws {
    let report = WorkerReport.events([PredictionEvent(id: 12, event: .messageDelta(" the", []))])
    #expect(try report.encoded().count == 11)
  }

  @Test func helloOfALaterVersionCanBeRead() throws {
    let frame = try WorkerReport.hello(version: 9).encoded() + [1, 2, 3]
    #expect(try WorkerReport(frame: frame) == .hello(version: 9))
  }

  @Test(arguments: [
    GenerationEvent.loadStarted,
    .toolCallArguments(ToolCall(id: "", name: "", arguments: ""), provider: .plugin(id: "p")),
    .finished(GenerationResult(responseID: "resp_1")),
  ])
  func whatOnlyTheServerSaysHasNoForm(_ event: GenerationEvent) {
    #expect(throws: FrameError.self) { try WorkerReport.events([PredictionEvent(id: 1, event: event)]).encoded() }
  }

  @Test func oversizedReportsAreRefused() {
    let text = String(repeating: "x", count: WorkerProtocol.maxReportBytes)
    #expect(throws: FrameError.self) {
      try WorkerReport.events([PredictionEvent(id: 1, event: .messageDelta(text, []))]).encoded()
    }
  }

  @Test func theLargestEmbeddingFits() throws {
    let vectors = [[Float]](
      repeating: [Float](repeating: 0, count: WorkerProtocol.maxEmbeddingNumbers / 2048), count: 2048)
    _ = try WorkerReport.embedded(id: .max, EmbeddingResult(vectors: vectors, promptTokens: .max)).encoded()
  }

  @Test func truncatedFramesAreMalformed() throws {
    for report in Samples.reports {
      let frame = try report.encoded()
      for length in 0..<frame.count {
        #expect(throws: FrameError.self) { try WorkerReport(frame: Array(frame.prefix(length))) }
      }
    }
  }

  @Test func trailingBytesAreMalformed() throws {
    #expect(throws: FrameError.self) { try WorkerReport(frame: WorkerReport.accepted(id: 1).encoded() + [0]) }
    #expect(throws: FrameError.self) { try WorkerCommand(frame: WorkerCommand.ping(1).encoded() + [0]) }
  }

  /// Every outcome but a value or a `FrameError` (a trap, an endless loop) ends the test run.
  @Test(arguments: 0..<8)
  func mutatedFramesNeverTrap(_ seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let reports = try Samples.reports.map { try $0.encoded() }
    let commands = try Samples.commands.map { try $0.encoded() }
    for _ in 0..<1500 {
      let isReport = Bool.random(using: &generator)
      var frame = (isReport ? reports : commands).randomElement(using: &generator)!
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: 0...frame.count, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0 where place < frame.count: frame[place] = UInt8.random(in: 0...255, using: &generator)
        case 1 where place < frame.count: frame.remove(at: place)
        case 2: frame.insert(contentsOf: [0xFF, 0xFF, 0xFF, 0x7F], at: place)
        default: frame.insert(UInt8.random(in: 0...255, using: &generator), at: place)
        }
      }
      do throws(FrameError) {
        if isReport { _ = try WorkerReport(frame: frame) } else { _ = try WorkerCommand(frame: frame) }
      } catch {}
    }
  }

  @Test func announcedCountsAreCheckedAgainstTheFrame() {
    // events, 2^62 of them
    let frame: [UInt8] = [0x87, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40]
    #expect(throws: FrameError.malformed("a count exceeds the frame")) { try WorkerReport(frame: frame) }
  }

  @Test func longListsOfNothingAreRefused() {
    // 300,000 two-byte events would take far more memory than their bytes
    var frame: [UInt8] = [0x87, 0xE0, 0xA7, 0x12]
    for _ in 0..<300_000 { frame += [1, 1] }
    #expect(throws: FrameError.malformed("a list is too long")) { try WorkerReport(frame: frame) }
  }

  /// The API process adds such numbers up.
  @Test(arguments: [-1, Int(Int32.max) + 1, Int.max])
  func numbersThatSumsCouldOverflowAreRefused(_ number: Int) throws {
    let usages = [GenerationUsage(inputTokens: number), GenerationUsage(outputTokens: number)]
    let events: [GenerationEvent] =
      [.promptFinished(PromptUsage(tokens: number, cachedTokens: 0))]
      + usages.map { .finished(GenerationResult(usage: $0)) }
    let reports: [WorkerReport] =
      [
        .counted(id: 1, tokens: number), .embedded(id: 1, EmbeddingResult(vectors: [], promptTokens: number)),
        .reranked(id: 1, RerankResult(scores: [], promptTokens: number)),
      ] + events.map { .events([PredictionEvent(id: 1, event: $0)]) }
    for report in reports {
      let frame = try report.encoded()
      #expect(throws: FrameError.malformed("a number is out of range")) { try WorkerReport(frame: frame) }
    }
  }

  /// What a client is told comes from a process that nobody need trust.
  @Test func errorsAreBounded() throws {
    for seconds in [0, 86_400] {
      let report = WorkerReport.rejected(id: 1, AtelierError(.serverBusy, "Wait.", retryAfter: seconds))
      #expect(try WorkerReport(frame: report.encoded()) == report)
    }
    for seconds in [-1, 86_401, .max, .min] {
      let report = WorkerReport.rejected(id: 1, AtelierError(.serverBusy, "Wait.", retryAfter: seconds))
      let frame = try report.encoded()
      #expect(throws: FrameError.malformed("a number is out of range")) { try WorkerReport(frame: frame) }
    }
    for length in [4096, 4097] {
      let text = String(repeating: "x", count: length)
      let frame = try WorkerReport.rejected(id: 1, AtelierError(.invalidValue, text, param: text)).encoded()
      let cut = String(text.prefix(4096))
      #expect(try WorkerReport(frame: frame) == .rejected(id: 1, AtelierError(.invalidValue, cut, param: cut)))
    }
  }
}
