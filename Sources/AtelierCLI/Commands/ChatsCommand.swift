import ArgumentParser
import AtelierCore
import Foundation

package struct ChatsCommand: AsyncParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "chats", abstract: "List, show, export and delete stored chats.",
    subcommands: [List.self, Show.self, Export.self, Delete.self], defaultSubcommand: List.self)

  package init() {}

  enum Format: String, ExpressibleByArgument { case json, markdown }

  package struct List: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "List the stored chats.")

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() async throws {
      let chats = try await ChatsCommand.chats(ServerClient(connection))
      if output.json { return Output.json(.array(chats)) }
      if chats.isEmpty { return output.note("No chats are stored.") }
      Output.table(StoredChatText.table(chats))
    }
  }

  package struct Show: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "Show a chat.")

    @Argument(help: "The chat's id.") var id: String
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() async throws {
      let chat = try await ChatsCommand.chat(id, ServerClient(connection))
      if output.json { return Output.json(chat) }
      let messages = StoredChatText(chat).messages.map { "\($0.role.uppercased())\n\($0.text)" }
      Output.line(HumanText.lines(messages.joined(separator: "\n\n")))
    }
  }

  package struct Export: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "Write chats to a file or to standard output.")

    @OptionGroup var selection: ChatSelection
    @Option(help: "json or markdown.") var format = Format.json
    @Option(name: [.customShort("o"), .customLong("output")], help: "The file; it must not exist.") var file: String?
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() async throws {
      let client = ServerClient(connection)
      let ids = try await selection.chosen(client)
      var chats: [JSONValue] = []
      for id in ids { chats.append(try await ChatsCommand.chat(id, client)) }
      let text =
        switch format {
        case .json: (chats.count == 1 && !selection.all ? chats[0] : .array(chats)).serialized() + "\n"
        case .markdown: chats.map { StoredChatText($0).markdown }.joined(separator: "\n")
        }
      guard let file else { return Output.write(text, to: STDOUT_FILENO) }
      do {
        try Data(text.utf8).write(to: URL(fileURLWithPath: file), options: .withoutOverwriting)
      } catch { throw CommandFailure("'\(file)' exists or cannot be written.") }
      if output.json {
        Output.json(["exported": .integer(Int64(chats.count)), "file": .string(file)])
      } else {
        output.note("Exported \(HumanText.count(chats.count, "chat")) to \(file).")
      }
    }
  }

  package struct Delete: AsyncParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "Delete chats.")

    @OptionGroup var selection: ChatSelection
    @Flag(name: .shortAndLong, help: "Delete all without asking.") var yes = false
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() async throws {
      let client = ServerClient(connection)
      let ids = try await selection.chosen(client)
      if selection.all, !ids.isEmpty, !yes {
        guard output.canAsk else { throw ValidationError("Add --yes to delete all without being asked.") }
        guard Terminal.confirm("Delete \(HumanText.count(ids.count, "chat")) for good?") else {
          throw CommandFailure("Nothing was deleted.")
        }
      }
      for id in ids {
        _ = try await client.delete("/atelier/chats/\(ServerClient.escaped(id))")
        if !output.json { Output.line("Deleted \(HumanText.plain(id)).") }
      }
      if output.json { return Output.json(["deleted": .array(ids.map(JSONValue.string))]) }
      if ids.isEmpty { output.note("No chats are stored.") }
    }
  }

  static func chats(_ client: ServerClient) async throws -> [JSONValue] {
    try await client.get("/atelier/chats")["chats"]?.arrayValue ?? []
  }

  static func chat(_ id: String, _ client: ServerClient) async throws -> JSONValue {
    try await client.get("/atelier/chats/\(ServerClient.escaped(id))")
  }
}
