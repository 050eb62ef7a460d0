import AtelierCore
import Foundation
import GRDB
import Testing

@testable import AtelierStore

struct ConversationStoreTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func node(
    _ id: String, after parent: String? = nil, says text: String = "Hi", answer: String = "Hello", at time: Int64 = 1,
    owner: String? = nil
  ) -> ConversationNode {
    ConversationNode(
      id: id, parent: parent, input: [Message(.user, text)], systemPrompt: "Be brief.", output: [.message(answer)],
      modelKey: "m", createdAt: time, owner: owner)
  }

  private func code(_ body: () async throws(AtelierError) -> Void) async -> AtelierError.Code? {
    do {
      try await body()
      return nil
    } catch {
      return error.code
    }
  }

  @Test func aTurnComesBackAsItWasAfterARestart() async throws {
    let image = ImageData(format: .png, bytes: Data([1, 2, 3]), width: 4, height: 5)
    let call = ToolCall(id: "c1", name: "add", arguments: #"{"b":1,"a":2}"#)
    var written = node("resp_1")
    written.input = [
      Message(role: .user, content: [.text("Look"), .image(image)]),
      Message(role: .assistant, content: [], reasoning: "hm", toolCalls: [call]),
      Message(role: .tool, content: [.text("3")], toolCallID: "c1", name: "add"),
    ]
    written.output = [
      .reasoning("\nthinking"), .message("Two\u{2028}lines \"quoted\""), .toolCall(call),
      .executedToolCall(call, provider: .plugin(id: "mcp/files"), output: "[]"),
      .executedToolCall(call, provider: .ephemeral(serverLabel: "hub"), output: "x"),
      .invalidToolCall(
        InvalidToolCall(kind: .arguments, reason: "r", toolName: "t", arguments: "{}", provider: .plugin(id: "p"))),
    ]
    written.finishReason = .maxTokens
    written.usage = GenerationUsage(inputTokens: 4, cachedTokens: 3, outputTokens: 2, reasoningTokens: 1)
    written.timings = GenerationTimings(timeToFirstToken: 0.5, generation: 1.5, modelLoad: 2)
    written.owner = "Ab12Cd34"
    written.surface = .responses
    written.record = #"{"a":1}"#
    let first = try ConversationStore(at: folder.database)
    try await first.append(written)
    try first.close()

    let second = try ConversationStore(at: folder.database)
    #expect(try await second.history(of: "resp_1") == [written])
    #expect(try await second.node("resp_1") == written)
  }

  @Test func branchesShareTheirAncestors() async throws {
    let store = try ConversationStore(at: folder.database)
    try await store.append(node("resp_a", at: 1))
    try await store.append(node("resp_b", after: "resp_a", at: 2))
    try await store.append(node("resp_c", after: "resp_b", says: "left", at: 3))
    try await store.append(node("resp_d", after: "resp_b", says: "right", at: 4))
    #expect(try await store.history(of: "resp_c").map(\.id) == ["resp_a", "resp_b", "resp_c"])
    #expect(try await store.history(of: "resp_d").map(\.id) == ["resp_a", "resp_b", "resp_d"])
    #expect(try await store.history(of: "resp_b").map(\.id) == ["resp_a", "resp_b"])
    let list = try await store.list()
    #expect(list.map(\.id) == ["resp_d", "resp_c"])
    #expect(list.map(\.turns) == [3, 3])
    #expect(list.allSatisfy { $0.title == "Hi" })
    #expect(try await store.all().map(\.id) == ["resp_a", "resp_b", "resp_c", "resp_d"])
  }

  @Test func deletingAChatLeavesWhatOthersShare() async throws {
    let store = try ConversationStore(at: folder.database)
    try await store.append(node("resp_a", at: 1))
    try await store.append(node("resp_b", after: "resp_a", at: 2))
    try await store.append(node("resp_c", after: "resp_b", at: 3))
    try await store.append(node("resp_d", after: "resp_b", at: 4))
    try await store.append(node("resp_e", after: "resp_d", at: 5))
    #expect(try await store.list().map(\.createdAt) == [1, 1])
    // From the middle: what continues it goes too, the shared beginning stays.
    #expect(try await store.deleteChat("resp_d") == 2)
    #expect(try await store.list().map(\.id) == ["resp_c"])
    #expect(try await store.deleteChat("resp_c") == 3)
    #expect(try await store.all().isEmpty)
    #expect(
      await code { () throws(AtelierError) in _ = try await store.deleteChat("resp_c") } == .previousResponseNotFound)
  }

  @Test func whatIsNotThereIsNotFound() async throws {
    let store = try ConversationStore(at: folder.database)
    try await store.append(node("resp_a", owner: "one"))
    #expect(
      await code { () throws(AtelierError) in _ = try await store.history(of: "resp_x") } == .previousResponseNotFound)
    #expect(
      await code { () throws(AtelierError) in try await store.append(node("resp_b", after: "resp_x")) }
        == .previousResponseNotFound)
    #expect(
      await code { () throws(AtelierError) in _ = try await store.history(of: "resp_a", scope: .owned(by: "two")) }
        == .previousResponseNotFound)
    #expect(try await store.history(of: "resp_a", scope: .owned(by: "one")).count == 1)
    #expect(try await store.all().map(\.id) == ["resp_a"])
  }

  @Test func aScopeSeesItsOwnTurnsOnly() async throws {
    let store = try ConversationStore(at: folder.database)
    try await store.append(node("resp_a", at: 1))
    try await store.append(node("resp_b", at: 2, owner: "one"))
    try await store.append(node("resp_c", at: 3, owner: "two"))
    for (scope, ids): (ChatScope, [String]) in [
      (.owned(by: nil), ["resp_a"]), (.owned(by: "one"), ["resp_b"]), (.owned(by: "three"), []),
      (.all, ["resp_a", "resp_b", "resp_c"]),
    ] {
      #expect(try await store.all(scope: scope).map(\.id) == ids)
      #expect(try await store.list(scope: scope).map(\.id) == ids.reversed())
      for id in ["resp_a", "resp_b", "resp_c"] where !ids.contains(id) {
        #expect(try await store.node(id, scope: scope) == nil)
        #expect(try await store.forget(id, scope: scope) == false)
        #expect(
          await code { () throws(AtelierError) in _ = try await store.history(of: id, scope: scope) }
            == .previousResponseNotFound)
        #expect(
          await code { () throws(AtelierError) in _ = try await store.deleteChat(id, scope: scope) }
            == .previousResponseNotFound)
      }
    }
    #expect(try await store.deleteChat("resp_c", scope: .owned(by: "two")) == 1)
  }

  @Test func deletingTakesWhatFollowsAndLeavesWhatPrecedes() async throws {
    let store = try ConversationStore(at: folder.database)
    try await store.append(node("resp_a"))
    try await store.append(node("resp_b", after: "resp_a"))
    try await store.append(node("resp_c", after: "resp_b"))
    try await store.append(node("resp_d", after: "resp_a"))
    #expect(try await store.delete("resp_b") == 2)
    #expect(Set(try await store.all().map(\.id)) == ["resp_a", "resp_d"])
  }

  @Test func aForgottenTurnIsUnknownAndGoesWithTheLastThatContinuesIt() async throws {
    let store = try ConversationStore(at: folder.database)
    try await store.append(node("resp_a", at: 1, owner: "one"))
    try await store.append(node("resp_b", after: "resp_a", at: 2))
    try await store.append(node("resp_c", after: "resp_b", at: 3))
    #expect(try await store.forget("resp_a", scope: .owned(by: "two")) == false)
    #expect(try await store.forget("resp_a", scope: .owned(by: "one")))
    #expect(try await store.forget("resp_b"))
    for id in ["resp_a", "resp_b"] {
      #expect(try await store.node(id) == nil)
      #expect(try await store.forget(id) == false)
      #expect(
        await code { () throws(AtelierError) in _ = try await store.history(of: id) } == .previousResponseNotFound)
    }
    #expect(try await store.history(of: "resp_c").map(\.id) == ["resp_a", "resp_b", "resp_c"])
    #expect(try await store.forget("resp_c"))
    #expect(try await store.all().isEmpty)
  }

  @Test func forgottenTurnsGoWithDeletedAndExpiredOnesToo() async throws {
    let store = try ConversationStore(at: folder.database)
    let day: Int64 = 86_400_000
    for (root, leaf) in [("resp_a", "resp_b"), ("resp_c", "resp_d")] {
      try await store.append(node(root, at: 39 * day))
      try await store.append(node(leaf, after: root, at: leaf == "resp_b" ? 39 * day : 2 * day))
      #expect(try await store.forget(root))
    }
    try await store.append(node("resp_e", at: 39 * day))
    try await store.delete("resp_b")
    #expect(try await store.all().map(\.id).sorted() == ["resp_c", "resp_d", "resp_e"])
    #expect(try await store.apply(RetentionPolicy(), now: 40 * day) == 2)
    #expect(try await store.all().map(\.id) == ["resp_e"])
  }

  @Test func aFileOfTheFirstVersionIsBroughtUpToDate() async throws {
    let raw = try DatabaseQueue(path: folder.database.path(percentEncoded: false))
    try StoreSchema.migrator.migrate(raw, upTo: "1 conversations")
    try await raw.write { db in
      try db.execute(
        sql: """
          INSERT INTO node (id, created_at, model_key, surface, input, output, finish_reason, usage, timings)
          VALUES ('resp_a', 1, 'm', 'chat', '[]', '[]', 'eosFound',
            '{"inputTokens":1,"cachedTokens":0,"outputTokens":1,"reasoningTokens":0}', '{"timeToFirstToken":0,"generation":0}')
          """)
    }
    try raw.close()
    let store = try ConversationStore(at: folder.database)
    #expect(try await store.node("resp_a")?.record == nil)
    try await store.append(node("resp_b", after: "resp_a"))
    #expect(try await store.history(of: "resp_b").map(\.id) == ["resp_a", "resp_b"])
  }

  @Test func anImageIsStoredOnceAndGoesWithItsLastTurn() async throws {
    let store = try ConversationStore(at: folder.database)
    let image = ImageData(format: .jpeg, bytes: Data(repeating: 7, count: 100_000), width: 10, height: 10)
    for id in ["resp_a", "resp_b"] {
      var turn = node(id)
      turn.input = [Message(role: .user, content: [.image(image), .image(image)])]
      try await store.append(turn)
    }
    let raw = try DatabaseQueue(path: folder.database.path(percentEncoded: false))
    func images() async throws -> Int? {
      try await raw.read { try Int.fetchOne($0, sql: "SELECT count(*) FROM image") }
    }
    #expect(try await images() == 1)
    try await store.delete("resp_a")
    #expect(try await images() == 1)
    #expect(try await store.history(of: "resp_b").first?.input.first?.content == [.image(image), .image(image)])
    try await store.delete("resp_b")
    #expect(try await images() == 0)
  }

  /// An acknowledged turn must already be in the synced log: a second reader that opens a copy of the files taken right
  /// after `append` returned, as a kill would leave them, finds it.
  @Test func anAcknowledgedTurnSurvivesAKill() async throws {
    let store = try ConversationStore(at: folder.database)
    for number in 0..<20 {
      let id = "resp_\(number)"
      try await store.append(node(id, after: number == 0 ? nil : "resp_\(number - 1)"))
      let copy = try TemporaryFolder()
      for suffix in ["", "-wal"] {
        try FileManager.default.copyItem(
          atPath: folder.database.path(percentEncoded: false) + suffix,
          toPath: copy.database.path(percentEncoded: false) + suffix)
      }
      let survivor = try ConversationStore(at: copy.database)
      #expect(try await survivor.history(of: id).count == number + 1)
      try survivor.close()
    }
  }

  @Test func commitsAreSynced() throws {
    let store = try ConversationStore(at: folder.database)
    #expect(try store.durability() == ConversationStore.Durability(journal: "wal", synchronous: 2, foreignKeys: true))
  }

  @Test func theFileIsForItsOwnerOnly() throws {
    _ = try ConversationStore(at: folder.database)
    let mode = try FileManager.default.attributesOfItem(atPath: folder.database.path(percentEncoded: false))
    #expect(mode[.posixPermissions] as? Int == 0o600)
  }

  @Test func aTornLogLosesOnlyItsTail() async throws {
    let store = try ConversationStore(at: folder.database)
    for number in 0..<10 { try await store.append(node("resp_\(number)", at: Int64(number))) }
    let copy = try TemporaryFolder()
    let wal = folder.database.path(percentEncoded: false) + "-wal"
    try FileManager.default.copyItem(at: folder.database, to: copy.database)
    var log = try #require(FileManager.default.contents(atPath: wal))
    log.removeLast(5_000)
    try log.write(to: URL(fileURLWithPath: copy.database.path(percentEncoded: false) + "-wal"))
    let survivor = try ConversationStore(at: copy.database)
    let ids = try await survivor.all().map(\.id)
    #expect(!ids.isEmpty && ids.count < 10)
    #expect(ids == (0..<ids.count).map { "resp_\($0)" })
  }

  @Test func aDamagedFileIsNamed() throws {
    try Data("this is no database, only text that somebody put here".utf8).write(to: folder.database)
    do {
      _ = try ConversationStore(at: folder.database)
      Issue.record("opened")
    } catch {
      #expect(error.code == .internalError)
      #expect(error.message.contains("atelier.sqlite"))
      #expect(!error.message.contains(folder.url.path(percentEncoded: false)))
    }
  }

  @Test func aFileOfANewerVersionIsLeftAlone() async throws {
    let store = try ConversationStore(at: folder.database)
    try store.close()
    let raw = try DatabaseQueue(path: folder.database.path(percentEncoded: false))
    try await raw.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('999 later')") }
    try raw.close()
    do {
      _ = try ConversationStore(at: folder.database)
      Issue.record("opened")
    } catch {
      #expect(error.message.contains("newer version"))
    }
  }

  @Test func retentionKeepsNoMoreThanItsNumber() async throws {
    let store = try ConversationStore(at: folder.database)
    for number in 0..<5 { try await store.append(node("resp_\(number)", at: Int64(number))) }
    try await store.append(node("resp_5", after: "resp_4", at: 5))
    let policy = RetentionPolicy(maxAgeDays: nil, maxNodes: 3)
    #expect(try await store.apply(policy, now: 6) == 3)
    #expect(try await store.all().map(\.id) == ["resp_3", "resp_4", "resp_5"])
    #expect(try await store.apply(policy, now: 7) == 0)
    try await store.append(node("resp_6", at: 7))
    #expect(try await store.apply(policy, now: 8) == 1)
    #expect(try await store.all().map(\.id) == ["resp_4", "resp_5", "resp_6"])
  }

  /// Some chats begin with many megabytes of images, and a list is of thousands of chats.
  @Test func aListReadsNoImages() async throws {
    let store = try ConversationStore(at: folder.database)
    var turn = node("resp_a")
    turn.input = [
      Message(
        role: .user,
        content: [
          .image(ImageData(format: .png, bytes: Data([1, 2, 3]), width: 4, height: 5)), .text("What\nis"),
          .text("this?"),
        ])
    ]
    try await store.append(turn)
    let raw = try DatabaseQueue(path: folder.database.path(percentEncoded: false))
    try await raw.write { try $0.execute(sql: "UPDATE image SET format = 'unreadable'") }
    #expect(try await store.list().map(\.title) == ["What is this?"])
    await #expect(throws: AtelierError.self) { try await store.history(of: "resp_a") }
  }

  @Test func retentionDeletesOldLeavesFromTheFile() async throws {
    let store = try ConversationStore(at: folder.database)
    let day: Int64 = 86_400_000
    try await store.append(node("resp_a", at: 0))
    try await store.append(node("resp_b", after: "resp_a", at: day))
    try await store.append(node("resp_c", after: "resp_a", at: 40 * day))
    #expect(try await store.apply(RetentionPolicy(), now: 29 * day) == 0)
    #expect(try await store.apply(RetentionPolicy(), now: 41 * day) == 1)
    #expect(try await store.history(of: "resp_c").map(\.id) == ["resp_a", "resp_c"])
    #expect(try await store.apply(RetentionPolicy(), now: 90 * day) == 2)
  }
}
