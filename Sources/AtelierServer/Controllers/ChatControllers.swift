import AtelierAPI
import AtelierCore
import AtelierRuntime

/// `GET /atelier/chats`, for the command line.
struct ChatListController: RouteHandler {
  let chats: any ChatManaging

  private static let most = 10_000

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    try await exchange.send(StoredChats.list(try await chats.chats(in: exchange.caller.visibleChats, limit: Self.most)))
  }
}

/// `GET /atelier/chats/{id}`: a whole chat.
struct ChatExportController: RouteHandler {
  let chats: any ChatManaging

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    try await exchange.send(
      StoredChats.export(request.rest, try await chats.chat(request.rest, in: exchange.caller.visibleChats)))
  }
}

/// `DELETE /atelier/chats/{id}`.
struct ChatDeletionController: RouteHandler {
  let chats: any ChatManaging

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    try await chats.deleteChat(request.rest, in: exchange.caller.visibleChats)
    try await exchange.send(StoredChats.deleted(request.rest))
  }
}
