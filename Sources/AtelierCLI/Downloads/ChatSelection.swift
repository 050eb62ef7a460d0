import ArgumentParser
import AtelierCore

/// Which stored chats a command is about.
package struct ChatSelection: ParsableArguments {
  @Argument(help: "The chats' ids.") var ids: [String] = []
  @Flag(name: .shortAndLong, help: "All chats.") var all = false

  package init() {}

  package func validate() throws {
    if all != ids.isEmpty { throw ValidationError("Give the ids of chats, or --all.") }
  }

  func chosen(_ client: ServerClient) async throws -> [String] {
    all ? try await ChatsCommand.chats(client).compactMap { $0["id"]?.stringValue } : ids
  }
}
