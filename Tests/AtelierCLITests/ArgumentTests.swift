import AtelierCore
import Foundation
import Testing

@testable import AtelierCLI

struct ArgumentTests {
  // MARK: get

  @Test func namesLinksAndWordsAreToldApart() throws {
    func wish(_ words: String...) throws -> DownloadWish { try DownloadWish(words) }
    #expect(try wish("qwen/qwen3-4b").target == .id("qwen/qwen3-4b"))
    #expect(try wish("qwen/qwen3-4b@q8_0") == DownloadWish(["qwen/qwen3-4b"], quantization: "q8_0"))
    #expect(try wish("qwen3", "4b").target == .words("qwen3 4b"))
    #expect(try wish("qwen3-4b@q4_k_m").target == .words("qwen3-4b"))
    #expect(try wish("https://huggingface.co/o/r").target == .link("https://huggingface.co/o/r"))
    #expect(try wish("huggingface.co/o/r").target == .link("https://huggingface.co/o/r"))
    #expect(try wish("https://huggingface.co/o/r@q8_0").quantization == "q8_0")
    #expect(try wish().target == .words(""))
    #expect(try wish("a/b/c").target == .words("a/b/c"))
  }

  @Test(arguments: [["a@b@c"], ["@q4"], ["o/r@"], ["o/r@q4_0", "--"]])
  func badNamesAreRefused(words: [String]) {
    let isRefused = (try? DownloadWish(words, quantization: words.count > 1 ? "q8_0" : nil)) == nil
    #expect(isRefused)
  }

  @Test func theQuantizationIsSentAsTheAPIWantsIt() {
    #expect(DownloadWish.body(id: "o/r", quantization: "q8_0") == ["model": "o/r@q8_0"])
    #expect(DownloadWish.body(id: "o/r", quantization: nil) == ["model": "o/r"])
    #expect(
      DownloadWish.body(link: "https://h/o/r", quantization: "q8_0") == [
        "model": "https://h/o/r", "quantization": "q8_0",
      ])
  }

  @Test func anExactResultNeedsNoChoice() {
    let ids = ["qwen/qwen3-4b", "qwen/qwen3-4b-2507", "x/gemma", "y/gemma"]
    #expect(DownloadWish.exact("Qwen3 4B", in: ids) == 0)
    #expect(DownloadWish.exact("qwen/qwen3-4b-2507", in: ids) == 1)
    #expect(DownloadWish.exact("gemma", in: ids) == nil)
    #expect(DownloadWish.exact("qwen3", in: ids) == nil)
  }

  // MARK: load

  @Test func onlyWhatWasGivenIsSent() {
    #expect(LoadArguments(model: "m").body == ["model": "m"])
    let all = LoadArguments(
      model: "m", contextLength: 2048, parallel: 2, timeToLive: 60, identifier: "i", gpu: 0.5, kvCacheType: "q8_0",
      isPinned: true, isForced: true)
    #expect(
      all.body == [
        "model": "m", "context_length": 2048, "parallel": 2, "ttl": 60, "identifier": "i", "gpu": 0.5,
        "kv_cache_type": "q8_0", "pinned": true, "force": true,
      ])
    #expect(LoadArguments(model: "m", gpu: 1).body["gpu"] == 1)
  }

  @Test(arguments: [("off", 0.0), ("max", 1.0), ("MAX", 1.0), ("0.25", 0.25), ("1", 1.0)])
  func gpuShares(text: String, share: Double) { #expect(LoadArguments.gpu(text) == share) }

  @Test(arguments: ["", "half", "1.1", "-1", "nan"]) func otherSharesAreRefused(text: String) {
    #expect(LoadArguments.gpu(text) == nil)
  }

  @Test func anEstimateIsReadable() {
    let lines = LoadEstimateText.lines([
      "model": "m", "context_length": 4096, "weights_bytes": 98_562_304, "kv_cache_bytes": 1_000_000_000,
      "total_bytes": 1_098_562_304, "available_bytes": 8_000_000_000, "fits": true,
    ])
    #expect(lines.contains("Weights    98.6 MB") && lines.contains("Context    4096 tokens"))
    #expect(lines.last == "The model can be loaded.")
    #expect(!lines.contains { $0.hasPrefix("Buffers") })
    #expect(LoadEstimateText.lines(["fits": false]).last?.contains("does not fit") == true)
  }

  // MARK: chat

  @Test func standardInputFollowsThePrompt() {
    #expect(ChatArguments.prompt("Sum up:", piped: "text") == "Sum up:\n\ntext")
    #expect(ChatArguments.prompt(nil, piped: "text") == "text")
    #expect(ChatArguments.prompt("x", piped: " \n") == "x")
    #expect(ChatArguments.prompt(nil, piped: "") == nil)
  }

  @Test func aTurnIsAChatRequest() {
    var arguments = ChatArguments(
      model: "m", input: "Hi", systemPrompt: "Be brief.", reasoning: "off", timeToLive: 3600, isStored: false)
    #expect(
      arguments.body(streams: true) == [
        "model": "m", "input": "Hi", "system_prompt": "Be brief.", "reasoning": "off", "ttl": 3600, "store": false,
        "stream": true,
      ])
    arguments.previous = "resp_1"
    arguments.isStored = true
    let next = arguments.body(streams: false)
    #expect(next["previous_response_id"] == "resp_1" && next["system_prompt"] == nil && next["store"] == nil)
  }

  // MARK: The server

  @Test func flagsWinOverVariablesAndTheyOverTheDataFolder() {
    let state = ServerState(host: "127.0.0.1", port: 5000, processID: 1)
    func url(_ host: String?, _ port: Int?, _ environment: [String: String], _ state: ServerState?) -> String {
      ServerAddress(host: host, port: port, environment: environment, state: state).url
    }
    #expect(url(nil, nil, [:], nil) == "http://127.0.0.1:1234")
    #expect(url(nil, nil, [:], state) == "http://127.0.0.1:5000")
    #expect(url(nil, nil, ["ATELIER_PORT": "6000"], state) == "http://127.0.0.1:6000")
    #expect(url("box", 7000, ["ATELIER_PORT": "6000", "ATELIER_HOST": "other"], state) == "http://box:7000")
    #expect(url(nil, nil, ["ATELIER_PORT": "0", "ATELIER_HOST": "0.0.0.0"], state) == "http://127.0.0.1:5000")
    #expect(url("::1", nil, [:], nil) == "http://[::1]:1234")
  }

  @Test func aServerOnASocketHasNoPort() {
    var state = ServerState(host: "127.0.0.1", port: 5000, processID: 1)
    func status() -> ServerStatus {
      ServerStatus(isRunning: true, address: ServerAddress(environment: [:], state: state))
    }
    #expect(status().address?.place == "port 5000" && status().json["port"] == 5000)
    state.socket = "/run/a.sock"
    #expect(status().address?.place == "socket /run/a.sock" && status().json["port"] == .null)
  }

  @Test func theTokenComesFromTheEnvironment() {
    #expect(ServerClient.token([:]) == nil)
    #expect(ServerClient.token(["LM_API_TOKEN": " a\n", "LMSTUDIO_API_TOKEN": "b"])?.value == "a")
    #expect(ServerClient.token(["LMSTUDIO_API_TOKEN": "b", "LM_API_TOKEN": ""])?.value == "b")
    #expect(ServerClient.token(["LM_API_TOKEN": "a", "ATELIER_API_TOKEN": "c"])?.value == "c")
  }

  @Test func aPathSegmentIsEscapedWhole() {
    #expect(ServerClient.escaped("acme/tiny@q4:2 ü") == "acme%2Ftiny%40q4%3A2%20%C3%BC")
  }

  @Test func theLastPortIsTakenAgainUnlessOneIsNamed() throws {
    let root = FileManager.default.temporaryDirectory.appending(path: "atelier-cli-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    let directory = DataDirectory(root: root)
    try directory.create()
    #expect(StartArguments().words(directory: directory, environment: [:]) == [])
    try ServerState(host: "127.0.0.1", port: 5000, processID: 1).write(to: directory)
    #expect(StartArguments().words(directory: directory, environment: [:]) == ["--port", "5000"])
    #expect(StartArguments().words(directory: directory, environment: ["ATELIER_PORT": "1"]) == [])
    #expect(
      StartArguments(others: ["--set", "port=1"]).words(directory: directory, environment: [:]) == ["--set", "port=1"])
    let flags = StartArguments(port: 6000, bind: "0.0.0.0", cors: true, insecure: true)
    #expect(
      flags.words(directory: directory, environment: [:]) == [
        "--port", "6000", "--host", "0.0.0.0", "--cors", "--insecure",
      ])
    try Data(#"{"port": 4000}"#.utf8).write(to: directory.settings)
    #expect(StartArguments().words(directory: directory, environment: [:]) == [])
  }

  @Test func otherProductsCommandsAreNamed() throws {
    for name in ["link", "login", "push", "clone", "dev", "create"] {
      let failure = #expect(throws: CommandFailure.self) { try UnsupportedCommands.check([name, "x"]) }
      #expect(failure?.status == .usage && failure?.description.contains("\n") == false)
    }
    try UnsupportedCommands.check(["ls"])
    try UnsupportedCommands.check([])
  }
}
