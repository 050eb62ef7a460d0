import ArgumentParser
import AtelierCore
import Foundation

package struct ChatCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "chat", abstract: "Talk with a model, or ask it one thing.",
    discussion: "With --prompt, or with text on standard input, one answer is printed; otherwise a chat begins.")

  enum Reasoning: String, ExpressibleByArgument, CaseIterable { case auto, on, off }

  @Argument(help: "The model; may be left out when there is one only, or one is loaded.") var model: String?
  @Option(name: .shortAndLong, help: "What to ask; standard input follows it.") var prompt: String?
  @Option(name: .shortAndLong, help: "The system prompt.") var systemPrompt: String?
  @Option(help: "Idle seconds before the model is unloaded, if this loads it.") var ttl = 3600
  @Option(help: "auto, on or off.") var reasoning = Reasoning.auto
  @Flag(help: "Say how fast the answer came.") var stats = false
  @Flag(name: .shortAndLong, help: "Ask nothing.") var yes = false
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  package init() {}

  private static let mostPiped = 16 << 20

  package func validate() throws { if ttl < 1 { throw ValidationError("--ttl wants a number of at least 1.") } }

  package func run() async throws {
    let piped = Terminal.inputIsTerminal ? nil : try Self.standardInput()
    let prompt = ChatArguments.prompt(prompt, piped: piped)
    if prompt == nil, !Terminal.inputIsTerminal || output.json { throw ValidationError("There is nothing to ask.") }
    let client = ServerClient(connection)
    let arguments = ChatArguments(
      model: try await chosen(client), input: prompt ?? "", systemPrompt: systemPrompt,
      reasoning: reasoning == .auto ? nil : reasoning.rawValue, timeToLive: ttl, isStored: prompt == nil)
    if output.json { return Output.json(try await client.post("/api/v1/chat", arguments.body(streams: false))) }
    if prompt == nil { return try await talk(client, arguments) }
    guard try await answer(client, arguments) != nil else {
      throw CommandFailure("", status: .interrupted)
    }
  }

  private static func standardInput() throws -> String? {
    let data = (try? FileHandle.standardInput.read(upToCount: mostPiped + 1)) ?? Data()
    guard data.count <= mostPiped else { throw CommandFailure("Standard input is too long to ask about.") }
    return data.isEmpty ? nil : String(decoding: data, as: UTF8.self)
  }

  private func chosen(_ client: ServerClient) async throws -> String {
    if let model { return model }
    let listing = try await ModelListing.fetch(from: client)
    let loaded = listing.instances(try await client.get("/atelier/instances")).filter { $0["type"] == "llm" }
    if loaded.count == 1, let id = loaded[0]["identifier"]?.stringValue { return id }
    let keys = listing.entries(kind: "llm").compactMap { $0["modelKey"]?.stringValue }
    if keys.count == 1 { return keys[0] }
    guard !yes, output.canAsk else { throw ValidationError("Name the model to talk with.") }
    return try ModelPicker.choose(listing, kind: "llm")
  }

  /// The result; nil when Ctrl-C ended it.
  private func answer(_ client: ServerClient, _ arguments: ChatArguments) async throws -> JSONValue? {
    let isQuiet = output.quiet
    let result = try await Interruption.watch {
      let printer = ChatPrinter(isQuiet: isQuiet)
      defer { printer.finish() }
      try await client.events("/api/v1/chat", arguments.body(streams: true)) { event in
        try printer.take(event)
        return printer.result == nil
      }
      guard let result = printer.result else {
        throw CommandFailure("The answer ended too early.", status: .noServer)
      }
      return result
    }
    if stats, let figures = result?["stats"] { output.note(ChatArguments.statistics(figures)) }
    return result
  }

  private func talk(_ client: ServerClient, _ first: ChatArguments) async throws {
    output.note("Chat with \(HumanText.plain(first.model)). /clear begins anew, /bye or Ctrl-D ends it.")
    var arguments = first
    while let line = Terminal.ask("> ") {
      switch line {
      case "": continue
      case "/bye", "/exit", "/quit": return
      case "/clear": arguments.previous = nil
      default:
        arguments.input = line
        do {
          if let result = try await answer(client, arguments) {
            arguments.previous = result["response_id"]?.stringValue ?? arguments.previous
          }
        } catch let failure as CommandFailure where failure.status != .noServer {
          // The chat goes on from where it was.
          Output.complain(failure.description)
        }
      }
    }
    Output.warn("")
  }
}
