import ArgumentParser
import AtelierCore
import Foundation
import Testing

@testable import AtelierCLI

struct ListingTests {
  private let listing = ModelListing(
    [
      "models": [
        [
          "type": "llm", "publisher": "acme", "key": "tiny", "display_name": "Tiny", "architecture": "llama",
          "quantization": ["name": "Q4_1", "bits_per_weight": 4], "size_bytes": 98_562_304, "params_string": "135M",
          "loaded_instances": [["id": "tiny", "config": [:]]], "max_context_length": 8192, "format": "gguf",
          "capabilities": ["vision": false, "trained_for_tool_use": true],
          "variants": ["tiny@q4_1", "tiny@q8_0"], "selected_variant": "tiny@q4_1",
        ],
        [
          "type": "embedding", "publisher": "acme", "key": "text-embedding-e", "display_name": "E",
          "quantization": nil, "size_bytes": 5, "params_string": nil, "loaded_instances": [],
          "max_context_length": 512, "format": "gguf",
        ],
      ]
    ],
    files: [
      "models": [
        [
          "modelKey": "tiny", "path": "acme/tiny/t.gguf", "indexedModelIdentifier": "acme/tiny/t.gguf",
          "variants": [
            [
              "name": "tiny@q4_1", "quantization": "Q4_1", "path": "acme/tiny/t.gguf", "sizeBytes": 98_562_304,
              "selected": true,
            ],
            [
              "name": "tiny@q8_0", "quantization": "Q8_0", "path": "acme/tiny/u.gguf", "sizeBytes": 5,
              "selected": false,
            ],
          ],
        ]
      ]
    ])

  @Test func entriesHaveTheKeysOfLms() throws {
    let entry = try #require(listing.entries(kind: "llm").first)
    #expect(
      entry.keys == [
        "type", "modelKey", "format", "displayName", "publisher", "path", "sizeBytes", "indexedModelIdentifier",
        "deviceIdentifier", "paramsString", "architecture", "quantization", "variants", "selectedVariant",
        "maxContextLength", "vision", "trainedForToolUse",
      ])
    #expect(entry["quantization"] == ["name": "Q4_1", "bits": 4] && entry["deviceIdentifier"] == .null)
    let embedding = try #require(listing.entries(kind: "embedding").first)
    #expect(embedding["vision"] == nil && embedding["variants"] == nil && embedding["paramsString"] == nil)
  }

  @Test func aModelIsFoundByKeyAndByVariant() {
    #expect(listing.entries(key: "TINY").count == 1)
    #expect(listing.entries(key: "tiny@q8_0").count == 1)
    #expect(listing.entries(key: "tin").isEmpty)
    #expect(listing.isLoaded("tiny") && !listing.isLoaded("text-embedding-e"))
  }

  @Test func theModelsTable() {
    #expect(
      ModelTables.models(listing.entries(), isLoaded: listing.isLoaded).lines(width: 80) == [
        "MODEL             TYPE       PARAMS  ARCH   QUANT     SIZE  LOADED",
        "tiny              llm          135M  llama  Q4_1   98.6 MB  yes",
        "text-embedding-e  embedding                            5 B",
      ])
    #expect(
      ModelTables.variants(listing.variants(of: "tiny")).lines()[1] == "tiny@q4_1  Q4_1   98.6 MB  *  acme/tiny/t.gguf")
  }

  @Test func theInstancesTable() {
    let instances = listing.instances([
      "instances": [
        [
          "identifier": "tiny", "modelKey": "tiny", "status": "generating", "queued": 3, "ttlMs": 3_600_000,
          "lastUsedTime": 0, "contextLength": 4096, "parallel": 4,
        ],
        [
          "identifier": "tiny:2", "modelKey": "tiny", "status": "idle", "queued": 0, "ttlMs": 3_600_000,
          "lastUsedTime": 40_000, "contextLength": 4096, "parallel": 4,
        ],
        [
          "identifier": "mine", "modelKey": "tiny", "status": "processingPrompt", "queued": 1, "ttlMs": nil,
          "lastUsedTime": nil, "contextLength": 4096, "parallel": nil, "pinned": true, "quantization": "Q8_0",
        ],
      ]
    ])
    #expect(
      ModelTables.instances(instances, now: 100_000).lines(width: 100) == [
        "IDENTIFIER  MODEL  STATUS            SIZE  CONTEXT  PARALLEL  TTL",
        "tiny        tiny   generating +2  98.6 MB     4096         4  3600s / 3600s",
        "tiny:2      tiny   idle           98.6 MB     4096         4  3540s / 3600s",
        "mine        tiny   reading        98.6 MB     4096            pinned",
      ])
    #expect(instances[0]["sizeBytes"] == 98_562_304)
    #expect(instances[0]["quantization"] == ["name": "Q4_1", "bits": 4])
    #expect(instances[2]["quantization"] == ["name": "Q8_0", "bits": 8])
    let alone = ModelTables.instances([instances[0]], now: 0).lines()
    #expect(alone[0] == "IDENTIFIER  STATUS            SIZE  CONTEXT  PARALLEL  TTL")
  }

  // MARK: Downloads

  private func job(_ members: JSONObject) -> DownloadJobText {
    let base: JSONObject = [
      "job_id": "job_0123456789", "status": "downloading", "total_size_bytes": 2_500_000_000,
      "downloaded_bytes": 1_300_000_000, "bytes_per_second": 35_200_000, "model": "lmstudio-community/Qwen3-4B-GGUF",
      "quantization": "Q4_K_M", "queued": false,
    ]
    return DownloadJobText(.object(JSONObject(Array(base) + Array(members))))
  }

  @Test func aDownloadInOneLine() {
    #expect(
      job([:]).progressLine.text(width: 80, isUnicode: false)
        == "Qwen3-4B Q4_K_M  [#######........]   52 %  1.30/2.50 GB  35.2 MB/s  0:35 left")
    #expect(job(["queued": true]).progressLine.details == ["waiting for other downloads"])
    #expect(job(["bytes_per_second": 0]).progressLine.details[1] == "stalled")
    #expect(job(["downloaded_bytes": 2_500_000_000]).progressLine.details[1] == "checking")
  }

  @Test func downloadsInATable() {
    let jobs = [
      job([:]), job(["status": "paused", "bytes_per_second": nil]), job(["queued": true, "bytes_per_second": 0]),
    ]
    #expect(
      DownloadJobText.table(jobs).lines(width: 80) == [
        "JOB             MODEL            STATUS       DONE     SIZE      SPEED  LEFT",
        "job_0123456789  Qwen3-4B Q4_K_M  downloading  52 %  2.50 GB  35.2 MB/s  0:35",
        "job_0123456789  Qwen3-4B Q4_K_M  paused       52 %  2.50 GB",
        "job_0123456789  Qwen3-4B Q4_K_M  waiting      52 %  2.50 GB",
      ])
  }

  @Test func choicesSayWhatIsRecommendedAndOnDisk() {
    let lines = GetCommand.table(choices: [
      ["quantization": "Q4_K_M", "size_bytes": 2_500_000_000, "recommended": true, "downloaded": true],
      ["quantization": nil, "size_bytes": 5, "recommended": false, "downloaded": false],
    ]).lines()
    #expect(lines[1] == "Q4_K_M    2.50 GB  recommended, on disk")
    #expect(lines[2] == "as it is      5 B")
  }

  // MARK: Chats

  @Test func storedChatsBecomeText() {
    let chat = StoredChatText([
      "id": "chat_1",
      "messages": [
        ["role": "user", "content": "Hi"],
        ["role": "assistant", "content": [["type": "text", "text": "Hello"], ["type": "image"]]],
      ],
    ])
    #expect(chat.markdown == "# Chat chat_1\n\n## User\n\nHi\n\n## Assistant\n\nHello\n[image]\n")
    #expect(StoredChatText.time("2026-01-31T10:15:30.123Z") == "2026-01-31 10:15")
    #expect(StoredChatText.time(.integer(1_769_854_530_123)) == "2026-01-31 10:15")
    #expect(StoredChatText.time(.integer(1_769_854_530)) == "2026-01-31 10:15")
  }

  // MARK: Logs

  @Test func predictionsAreReadable() {
    let entry = PredictionLogEntry([
      "timestamp": 1_769_854_530_123,
      "data": [
        "type": "llm.prediction.output", "modelIdentifier": "tiny", "output": "Hello",
        "stats": ["input_tokens": 3, "total_output_tokens": 2, "tokens_per_second": 42.15],
      ],
    ])
    #expect(entry.text(withStatistics: false) == "2026-01-31 10:15:30Z  tiny  output\nHello\n")
    #expect(entry.text(withStatistics: true).contains("3 tokens in, 2 out, 42.1 tokens/s"))
    #expect(entry.withoutStatistics["data"]?["stats"] == nil)
  }

  @Test func aLogFileIsReadAsItGrows() throws {
    let url = FileManager.default.temporaryDirectory.appending(path: "atelier-log-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: url) }
    #expect(LogFile(at: url) == nil)
    try Data((String(repeating: "x", count: 5000) + "\nold\n").utf8).write(to: url)
    var file = try #require(LogFile(at: url))
    #expect(file.newLines() == ["old"])
    let handle = try FileHandle(forWritingTo: url)
    try handle.seekToEnd()
    try handle.write(contentsOf: Data("one\ntw".utf8))
    #expect(file.newLines() == ["one"])
    try handle.write(contentsOf: Data("o\n".utf8))
    #expect(file.newLines() == ["two"] && file.newLines() == [])
    try FileManager.default.removeItem(at: url)
    try Data("fresh\n".utf8).write(to: url)
    #expect(file.newLines() == ["fresh"])
  }

  // MARK: Exit

  @Test func failuresHaveTheirExitStatus() {
    #expect(CommandExit.status(of: CommandFailure("x"), for: ListCommand.self) == 1)
    #expect(CommandExit.status(of: CommandFailure("x", status: .noServer), for: ListCommand.self) == 3)
    #expect(CommandExit.status(of: ValidationError("x"), for: ListCommand.self) == 2)
    #expect(CommandExit.status(of: ExitCode(3), for: ListCommand.self) == 3)
    #expect(CommandExit.status(of: CleanExit.helpRequest(), for: ListCommand.self) == 0)
    let typo = #expect(throws: (any Error).self) { try ListCommand.parse(["--no-such-flag"]) }
    #expect(typo.map { CommandExit.status(of: $0, for: ListCommand.self) } == 2)
    for words in [["--llm", "--embedding"], ["--quiet", "--verbose"], ["--port", "0"], ["--host", "http://x"]] {
      #expect(throws: (any Error).self) { try ListCommand.parse(words) }
    }
    #expect(throws: (any Error).self) { try LoadCommand.parse(["m", "--ttl", "0"]) }
    #expect(throws: (any Error).self) { try UnloadCommand.parse(["x", "--all"]) }
    #expect(throws: (any Error).self) { try GetCommand.parse(["a@b@c"]) }
    #expect(throws: (any Error).self) { try LogCommand.Stream.parse(["-s", "server", "--stats"]) }
  }
}
