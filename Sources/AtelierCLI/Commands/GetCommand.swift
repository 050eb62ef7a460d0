import ArgumentParser
import AtelierCore
import Foundation

package struct GetCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "get", abstract: "Search for a model and download it.",
    discussion: """
      The name is a catalog id (qwen/qwen3-4b), a repository or link of Hugging Face, or words to search for. A \
      quantization can follow it: qwen/qwen3-4b@q8_0.
      """)

  @Argument(help: "What to download, or words to search for.") var name: [String] = []
  @Option(name: .shortAndLong, help: "Which quantization, such as q4_k_m.") var quantization: String?
  @Flag(name: .shortAndLong, help: "Ask nothing; take the best match and the recommended quantization.") var yes = false
  @Flag(help: "Choose the quantization from a list.") var select = false
  @Flag(name: .shortAndLong, help: "Do not wait for the end of the download.") var detach = false
  @Option(name: [.customShort("n"), .long], help: "Results of the hub shown at most.") var limit = 10
  @Flag(help: .hidden) var gguf = false
  @Flag(help: .hidden) var mlx = false
  @Flag(help: .hidden) var alwaysShowAllResults = false
  @Flag(name: .customShort("a"), help: .hidden) var alwaysShowDownloadOptions = false
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  package init() {}

  package func validate() throws {
    if !(1...100).contains(limit) { throw ValidationError("--limit wants a number from 1 to 100.") }
    do { _ = try wish() } catch { throw ValidationError(error.text) }
  }

  private func wish() throws(DownloadWish.Problem) -> DownloadWish {
    try DownloadWish(name, quantization: quantization)
  }

  private var canAsk: Bool { !yes && output.canAsk }

  package func run() async throws {
    if mlx { throw CommandFailure("Atelier runs GGUF models only.") }
    let client = ServerClient(connection)
    let wish = try wish()
    switch wish.target {
    case .link(let link):
      let quantization = try await self.quantization(of: link, wish, client)
      try await download(DownloadWish.body(link: link, quantization: quantization), name: link, client)
    case .id(let id): try await download(id, wish, client)
    case .words(let words):
      guard let id = try await found(words, client) else { return }
      try await download(id, wish, client)
    }
  }

  // MARK: Choosing

  /// The id that the words mean; nil when the results were all that was wanted.
  private func found(_ words: String, _ client: ServerClient) async throws -> String? {
    let query = ServerClient.escaped(words)
    let answer = try await client.get("/atelier/catalog?query=\(query)&limit=\(limit)", timeout: .seconds(60))
    let models = answer["models"]?.arrayValue ?? []
    if output.json, !yes {
      Output.json(answer)
      return nil
    }
    if let problem = answer["hub_error"]?["message"]?.stringValue {
      output.note("The hub was not searched: \(problem)")
    }
    guard !models.isEmpty else { throw CommandFailure("Nothing found for '\(words)'.") }
    let ids = models.map { $0["id"]?.stringValue ?? "" }
    let exact = words.isEmpty ? nil : DownloadWish.exact(words, in: ids)
    let table = Self.table(models)
    if yes {
      guard !words.isEmpty else { throw ValidationError("Name the model to download.") }
      return ids[exact ?? 0]
    }
    if let exact { return ids[exact] }
    guard canAsk else {
      Output.table(table)
      output.note("Name one of them: \(ProgramName.text) get \(ids[0])")
      throw ExitCode.failure
    }
    guard let place = Terminal.choose("Download", table, standard: 0) else {
      throw CommandFailure("Nothing was chosen.")
    }
    return ids[place]
  }

  static func table(_ models: [JSONValue]) -> TextTable {
    TextTable(
      ["MODEL…", "KIND", "QUANT", ">SIZE", ">DOWNLOADS"],
      models.map { model in
        [
          model["id"]?.stringValue ?? "", model["kind"]?.stringValue ?? "hub",
          model["recommended"]?.stringValue ?? "",
          model["approximate_size_bytes"]?.integerValue.map(HumanText.size) ?? "",
          model["downloads"]?.integerValue.map(String.init) ?? "",
        ]
      }
    ).withoutEmptyColumns
  }

  /// What was asked for or is chosen now; nil: the recommended one.
  private func quantization(
    of name: String, _ wish: DownloadWish, _ client: ServerClient
  ) async throws -> String? {
    if let named = wish.quantization { return named }
    guard output.canAsk, select || !yes else { return nil }
    let answer = try await client.get("/atelier/catalog/\(ServerClient.escaped(name))", timeout: .seconds(60))
    // One that no name tells apart cannot be asked for.
    let choices = (answer["choices"]?.arrayValue ?? []).filter {
      $0["quantization"]?.stringValue != nil || $0["recommended"] == true
    }
    guard choices.count > 1, let standard = choices.firstIndex(where: { $0["recommended"] == true }) else { return nil }
    Output.warn("Quantizations of \(HumanText.plain(answer["repository"]?.stringValue ?? name))")
    guard let place = Terminal.choose("Quantization", Self.table(choices: choices), standard: standard) else {
      throw CommandFailure("Nothing was chosen.")
    }
    return choices[place]["quantization"]?.stringValue
  }

  static func table(choices: [JSONValue]) -> TextTable {
    TextTable(
      ["QUANT", ">SIZE", ""],
      choices.map { choice in
        let marks = [
          choice["recommended"] == true ? "recommended" : "", choice["downloaded"] == true ? "on disk" : "",
        ]
        return [
          choice["quantization"]?.stringValue ?? "as it is", HumanText.size(choice["size_bytes"]?.integerValue ?? 0),
          marks.filter { !$0.isEmpty }.joined(separator: ", "),
        ]
      })
  }

  // MARK: Downloading

  private func download(_ id: String, _ wish: DownloadWish, _ client: ServerClient) async throws {
    let quantization = try await self.quantization(of: id, wish, client)
    try await download(DownloadWish.body(id: id, quantization: quantization), name: id, client)
  }

  private func download(_ body: JSONValue, name: String, _ client: ServerClient) async throws {
    let begun = ContinuousClock.now
    let started = try await client.post("/api/v1/models/download", body, timeout: .seconds(90))
    guard let id = started["job_id"]?.stringValue else {
      if output.json { return Output.json(started) }
      return Output.line("\(HumanText.plain(name)) is already downloaded.")
    }
    if detach {
      if output.json { return Output.json(started) }
      output.note("The server downloads on. '\(ProgramName.text) downloads' shows how far it is.")
      return Output.line(id)
    }
    let isShown = !output.json && !output.quiet
    let job = try await DownloadFollower(client: client, isShown: isShown).follow(id)
    if output.json { return Output.json(job) }
    let seconds = Double(begun.duration(to: .now).components.seconds)
    output.note(
      "Downloaded \(HumanText.size(DownloadJobText(job).total)) in \(HumanText.elapsed(seconds)). Load it as:")
    Output.line(HumanText.plain(job["model_key"]?.stringValue ?? name))
  }
}
