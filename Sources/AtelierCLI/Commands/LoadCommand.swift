import ArgumentParser
import AtelierCore

package struct LoadCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "load", abstract: "Load a model, or say what loading it would take.")

  @Argument(help: "The model's key, or key@quantization.") var key: String?
  @Option(name: .shortAndLong, help: "Context length in tokens.") var contextLength: Int?
  @Option(help: "Requests answered at the same time.") var parallel: Int?
  @Option(help: "Idle seconds before it is unloaded; without it the model stays.") var ttl: Int?
  @Option(help: "The name requests use for it.") var identifier: String?
  @Option(help: "Share of the model that goes to a GPU: 0 to 1, off or max.") var gpu: String?
  @Option(help: "Type of the KV cache, such as f16 or q8_0.") var kvCacheType: String?
  @Flag(help: "Never unload it to make room.") var pinned = false
  @Flag(help: "Load it although it does not fit the memory.") var force = false
  @Flag(help: "Load nothing; say what memory it would take.") var estimateOnly = false
  @Flag(help: "Take the key as it is written.") var exact = false
  @Flag(name: .shortAndLong, help: "Ask nothing.") var yes = false
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  package init() {}

  package func validate() throws {
    if let gpu, LoadArguments.gpu(gpu) == nil { throw ValidationError("--gpu wants a number from 0 to 1, off or max.") }
    for (name, number) in [("--context-length", contextLength), ("--parallel", parallel), ("--ttl", ttl)] {
      if let number, number < 1 { throw ValidationError("\(name) wants a number of at least 1.") }
    }
  }

  package func run() async throws {
    let client = ServerClient(connection)
    let model = try await model(client)
    let arguments = LoadArguments(
      model: model, contextLength: contextLength, parallel: parallel, timeToLive: ttl, identifier: identifier,
      gpu: gpu.flatMap(LoadArguments.gpu), kvCacheType: kvCacheType, isPinned: pinned, isForced: force)
    if estimateOnly { return try await estimate(client, arguments) }
    var body = arguments.body
    body["echo_load_config"] = true
    let isShown = !output.json && !output.quiet
    let answer = try await Interruption.watch { [body] in
      try await Self.load(client, .object(body), name: model, isShown: isShown)
    }
    guard let answer else {
      throw CommandFailure(
        "Not waiting any longer; the server goes on loading. '\(ProgramName.text) ps' shows it.", status: .interrupted)
    }
    if output.json { return Output.json(answer) }
    let seconds = HumanText.elapsed(answer["load_time_seconds"]?.doubleValue ?? 0)
    let context = answer["load_config"]?["context_length"]?.integerValue.map { " with a context of \($0) tokens" }
    output.note("Loaded in \(seconds)\(context ?? ""). Requests name it:")
    Output.line(HumanText.plain(answer["instance_id"]?.stringValue ?? ""))
  }

  private func model(_ client: ServerClient) async throws -> String {
    guard let key else {
      guard !yes, output.canAsk else { throw ValidationError("Name the model to load.") }
      return try ModelPicker.choose(try await ModelListing.fetch(from: client))
    }
    if exact, try await ModelListing.fetch(from: client).entries(key: key).isEmpty {
      throw CommandFailure("No model has the key '\(key)'.")
    }
    return key
  }

  private func estimate(_ client: ServerClient, _ arguments: LoadArguments) async throws {
    let answer = try await client.post("/atelier/estimate", .object(arguments.body), timeout: .seconds(60))
    if output.json {
      Output.json(answer)
    } else {
      for line in LoadEstimateText.lines(answer) { Output.line(line) }
    }
    if answer["fits"] == false { throw ExitCode.failure }
  }

  /// Loads, and meanwhile shows how far it is.
  private static func load(
    _ client: ServerClient, _ body: JSONValue, name: String, isShown: Bool
  ) async throws -> JSONValue {
    try await withThrowingTaskGroup(of: JSONValue?.self) { group in
      group.addTask { try await client.post("/api/v1/models/load", body) }
      if isShown {
        group.addTask {
          await show(client, name)
          return nil
        }
      }
      defer { group.cancelAll() }
      for try await answer in group { if let answer { return answer } }
      throw CancellationError()
    }
  }

  /// Until the task is cancelled.
  private static func show(_ client: ServerClient, _ name: String) async {
    let display = ProgressDisplay(isShown: true)
    defer { display.clear() }
    let begun = ContinuousClock.now
    while !Task.isCancelled {
      let seconds = Double(begun.duration(to: .now).components.seconds)
      let states = (try? await client.get("/atelier/instances")).map(ModelListing.states) ?? []
      guard !Task.isCancelled else { return }
      let loading = states.filter { $0["status"] == "loading" }
      let own = loading.last { $0["modelKey"]?.stringValue == name } ?? loading.first
      display.show(
        ProgressLine(
          label: "Loading \(name)", fraction: own?["progress"]?.doubleValue,
          details: [HumanText.elapsed(seconds)]))
      try? await Task.sleep(for: .milliseconds(200))
    }
  }
}
