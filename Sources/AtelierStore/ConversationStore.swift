import AtelierCore
import Foundation
import GRDB

/// Stored chats in one SQLite file: a tree of immutable turns.
///
/// Durability: the log is synced at every commit (WAL, `synchronous=FULL`), so what a returned `append` wrote survives a
/// kill and a power loss, and a torn tail holds only what was never acknowledged. Every call runs on the database's own
/// queue, never on the caller's thread.
package final class ConversationStore: Sendable {
  private let pool: DatabasePool
  private let fileName: String

  /// Of the database's pages that each of its connections keeps.
  private static let cacheKibibytes = 512

  /// Opens or creates the file, readable by the owner only, and brings its tables up to date. Blocks; for use at start.
  /// Throws `internalError` naming the file when it is no readable database of this or an earlier version.
  package init(at url: URL) throws(AtelierError) {
    fileName = url.lastPathComponent
    do {
      try Self.createPrivately(url)
      var configuration = Configuration()
      configuration.label = "conversations"
      configuration.busyMode = .timeout(5)
      configuration.maximumReaderCount = 4
      // Each connection has a cache of its own, and the system keeps the file's pages anyway.
      configuration.prepareDatabase { db in try db.execute(sql: "PRAGMA cache_size = -\(Self.cacheKibibytes)") }
      pool = try DatabasePool(path: url.path(percentEncoded: false), configuration: configuration)
      // Opening a pool sets NORMAL, which may lose acknowledged commits on power loss.
      try pool.writeWithoutTransaction { db in try db.execute(sql: "PRAGMA synchronous = FULL") }
      let migrator = StoreSchema.migrator
      guard try pool.read({ try !migrator.hasBeenSuperseded($0) }) else {
        throw AtelierError(
          .internalError,
          "\(fileName) in the data folder was written by a newer version of Atelier. Use that version, or move the file away."
        )
      }
      try migrator.migrate(pool)
    } catch {
      throw Self.failure(error, file: url.lastPathComponent)
    }
  }

  /// Waits for running calls, then closes the file; later calls throw.
  package func close() throws(AtelierError) {
    do { try pool.close() } catch { throw Self.failure(error, file: fileName) }
  }

  /// Durable when it returns. Throws `previousResponseNotFound` when the parent is gone.
  package func append(_ node: ConversationNode) async throws(AtelierError) {
    try await write { db in
      if let parent = node.parent,
        try String.fetchOne(db, sql: "SELECT id FROM node WHERE id = ?", arguments: [parent]) == nil
      {
        throw Self.notFound(parent)
      }
      try NodeRecord.insert(node, into: db)
    }
  }

  /// The turns from the root to the node. Throws `previousResponseNotFound` for an unknown id, and for the id of a turn
  /// outside the scope.
  package func history(of id: String, scope: ChatScope = .all) async throws(AtelierError) -> [ConversationNode] {
    try await read { db in
      let rows = try Row.fetchAll(
        db,
        sql: """
          WITH RECURSIVE chain (id, depth) AS (
            SELECT id, 0 FROM node WHERE id = :id AND NOT forgotten AND (:all OR owner IS :owner)
            UNION ALL
            SELECT node.parent, chain.depth + 1 FROM chain JOIN node ON node.id = chain.id WHERE node.parent IS NOT NULL
          )
          SELECT node.* FROM chain JOIN node ON node.id = chain.id ORDER BY chain.depth DESC
          """,
        arguments: ["id": id, "all": scope.isAll, "owner": scope.owner])
      guard !rows.isEmpty else { throw Self.notFound(id) }
      return try rows.map { try NodeRecord.node($0, in: db) }
    }
  }

  /// One turn; nil for an unknown id, for that of a forgotten turn, and for that of a turn outside the scope.
  package func node(_ id: String, scope: ChatScope = .all) async throws(AtelierError) -> ConversationNode? {
    try await read { db in
      try Row.fetchOne(
        db, sql: "SELECT * FROM node WHERE id = :id AND NOT forgotten AND (:all OR owner IS :owner)",
        arguments: ["id": id, "all": scope.isAll, "owner": scope.owner]
      ).map { try NodeRecord.node($0, in: db) }
    }
  }

  /// Conversations, newest first, at most `limit`: one for each leaf, since every leaf is a chat from its root.
  package func list(scope: ChatScope = .all, limit: Int = 100) async throws(AtelierError) -> [ChatSummary] {
    try await read { db in
      let leaves = try Row.fetchAll(
        db,
        sql: """
          SELECT id, model_key, created_at FROM node
          WHERE (:all OR owner IS :owner) AND NOT EXISTS (SELECT 1 FROM node AS child WHERE child.parent = node.id)
          ORDER BY created_at DESC, id DESC LIMIT :limit
          """,
        arguments: ["all": scope.isAll, "owner": scope.owner, "limit": limit])
      return try leaves.map { leaf in
        let chain = try String.fetchAll(
          db,
          sql: """
            WITH RECURSIVE chain (id, depth) AS (
              SELECT :id, 0
              UNION ALL
              SELECT node.parent, chain.depth + 1 FROM chain JOIN node ON node.id = chain.id WHERE node.parent IS NOT NULL
            )
            SELECT id FROM chain ORDER BY depth DESC
            """,
          arguments: ["id": leaf["id"] as String])
        let root = try Row.fetchOne(
          db, sql: "SELECT created_at, input FROM node WHERE id = ?", arguments: [chain.first])
        return ChatSummary(
          id: leaf["id"], createdAt: root?["created_at"] ?? leaf["created_at"], updatedAt: leaf["created_at"],
          modelKey: leaf["model_key"], turns: chain.count,
          title: try root.map { try NodeRecord.title(ofInput: $0["input"]) } ?? "")
      }
    }
  }

  /// Every turn in the order made, for export; also forgotten ones that others still continue.
  package func all(scope: ChatScope = .all) async throws(AtelierError) -> [ConversationNode] {
    try await read { db in
      try Row.fetchAll(
        db, sql: "SELECT * FROM node WHERE :all OR owner IS :owner ORDER BY created_at, rowid",
        arguments: ["all": scope.isAll, "owner": scope.owner]
      ).map { try NodeRecord.node($0, in: db) }
    }
  }

  /// Deletes the turn and everything that continues it: those answers hold its text. Ancestors stay. Returns how many
  /// turns went; throws `previousResponseNotFound` for an unknown id.
  @discardableResult
  package func delete(_ id: String, scope: ChatScope = .all) async throws(AtelierError) -> Int {
    try await write { db in
      let ids = try Self.subtree(of: id, scope, in: db)
      guard !ids.isEmpty else { throw Self.notFound(id) }
      let parent = try String.fetchOne(db, sql: "SELECT parent FROM node WHERE id = ?", arguments: [id])
      try NodeRecord.delete(ids, from: db)
      try Self.deleteForgotten(endingAt: parent, in: db)
      return ids.count
    }
  }

  /// Deletes the turn and everything that continues it, then each turn before it as long as nothing else continues it: a
  /// whole chat, but not what other branches share. Returns how many turns went; throws `previousResponseNotFound`.
  @discardableResult
  package func deleteChat(_ id: String, scope: ChatScope = .all) async throws(AtelierError) -> Int {
    try await write { db in
      var parent = try String.fetchOne(db, sql: "SELECT parent FROM node WHERE id = ?", arguments: [id])
      var ids = try Self.subtree(of: id, scope, in: db)
      guard !ids.isEmpty else { throw Self.notFound(id) }
      var child = id
      while let turn = parent {
        let isShared = try Bool.fetchOne(
          db, sql: "SELECT EXISTS (SELECT 1 FROM node WHERE parent = ? AND id <> ?)", arguments: [turn, child])
        if isShared == true { break }
        ids.append(turn)
        child = turn
        parent = try String.fetchOne(db, sql: "SELECT parent FROM node WHERE id = ?", arguments: [turn])
      }
      try NodeRecord.delete(ids, from: db)
      return ids.count
    }
  }

  /// Ids of the turn and everything that continues it, leaves first; none for an unknown id.
  private static func subtree(of id: String, _ scope: ChatScope, in db: Database) throws -> [String] {
    try String.fetchAll(
      db,
      sql: """
        WITH RECURSIVE subtree (id, depth) AS (
          SELECT id, 0 FROM node WHERE id = :id AND (:all OR owner IS :owner)
          UNION ALL
          SELECT node.id, subtree.depth + 1 FROM subtree JOIN node ON node.parent = subtree.id
        )
        SELECT id FROM subtree ORDER BY depth DESC
        """,
      arguments: ["id": id, "all": scope.isAll, "owner": scope.owner])
  }

  /// Makes the turn unknown, while turns that continue it keep what it said: it is deleted with the last of them, or at once
  /// when there is none. Returns false for an unknown id.
  package func forget(_ id: String, scope: ChatScope = .all) async throws(AtelierError) -> Bool {
    try await write { db in
      try db.execute(
        sql: """
          UPDATE node SET forgotten = 1, record = NULL
          WHERE id = :id AND NOT forgotten AND (:all OR owner IS :owner)
          """, arguments: ["id": id, "all": scope.isAll, "owner": scope.owner])
      guard db.changesCount > 0 else { return false }
      try Self.deleteForgotten(endingAt: id, in: db)
      return true
    }
  }

  /// Deletes what the policy no longer keeps, and with it forgotten turns that nothing continues any more. `now`: milliseconds
  /// since 1970. Returns how many turns went. Costs next to nothing when none does, so it may be asked often.
  @discardableResult
  package func apply(_ policy: RetentionPolicy, now: Int64) async throws(AtelierError) -> Int {
    guard try await read({ db in try Self.holdsExpired(policy, now: now, in: db) }) else { return 0 }
    return try await write { db in
      let expired = policy.expired(try Self.entries(from: db), now: now)
      if !expired.isEmpty { try NodeRecord.delete(expired, from: db) }
      return expired.count
    }
  }

  /// Deletes the turn, and then those before it, as long as they are forgotten and nothing continues them.
  private static func deleteForgotten(endingAt leaf: String?, in db: Database) throws {
    var leaf = leaf
    while let id = leaf {
      let row = try Row.fetchOne(
        db,
        sql: """
          SELECT parent FROM node
          WHERE id = :id AND forgotten AND NOT EXISTS (SELECT 1 FROM node AS child WHERE child.parent = :id)
          """, arguments: ["id": id])
      guard let row else { return }
      leaf = row["parent"]
      try NodeRecord.delete([id], from: db)
    }
  }

  /// Whether some turn would go. A leaf that is too old is one; an older turn that something continues is none.
  private static func holdsExpired(_ policy: RetentionPolicy, now: Int64, in db: Database) throws -> Bool {
    if let most = policy.maxNodes, try Int.fetchOne(db, sql: "SELECT count(*) FROM node") ?? 0 > most { return true }
    return try Bool.fetchOne(
      db,
      sql: """
        SELECT EXISTS (
          SELECT 1 FROM node
          WHERE created_at < :cutoff AND NOT EXISTS (SELECT 1 FROM node AS child WHERE child.parent = node.id))
          OR EXISTS (
          SELECT 1 FROM node
          WHERE forgotten AND NOT EXISTS (SELECT 1 FROM node AS child WHERE child.parent = node.id))
        """, arguments: ["cutoff": policy.oldestKept(now: now)]) ?? false
  }

  private static func entries(from db: Database) throws -> [RetentionPolicy.Entry] {
    // Asked apart, because the mark stands behind the texts of its row.
    let forgotten = Set(try String.fetchAll(db, sql: "SELECT id FROM node WHERE forgotten"))
    return try Row.fetchAll(db, sql: "SELECT id, parent, created_at FROM node").map { row in
      let id: String = row["id"]
      return RetentionPolicy.Entry(
        id: id, parent: row["parent"], createdAt: row["created_at"], isForgotten: forgotten.contains(id))
    }
  }

  /// What the writing connection says of itself.
  package struct Durability: Sendable, Hashable {
    package var journal: String
    /// 2 is FULL.
    package var synchronous: Int
    package var foreignKeys: Bool

    package init(journal: String, synchronous: Int, foreignKeys: Bool) {
      self.journal = journal
      self.synchronous = synchronous
      self.foreignKeys = foreignKeys
    }
  }

  /// For checks at start and in tests.
  package func durability() throws(AtelierError) -> Durability {
    do {
      return try pool.writeWithoutTransaction { db in
        Durability(
          journal: try String.fetchOne(db, sql: "PRAGMA journal_mode") ?? "",
          synchronous: try Int.fetchOne(db, sql: "PRAGMA synchronous") ?? 0,
          foreignKeys: try Bool.fetchOne(db, sql: "PRAGMA foreign_keys") ?? false)
      }
    } catch { throw Self.failure(error, file: fileName) }
  }

  private func read<Value: Sendable>(
    _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws(AtelierError) -> Value {
    do { return try await pool.read(body) } catch { throw Self.failure(error, file: fileName) }
  }

  private func write<Value: Sendable>(
    _ body: @escaping @Sendable (Database) throws -> Value
  ) async throws(AtelierError) -> Value {
    do { return try await pool.write(body) } catch { throw Self.failure(error, file: fileName) }
  }

  private static func createPrivately(_ url: URL) throws {
    let path = url.path(percentEncoded: false)
    if FileManager.default.fileExists(atPath: path) { return }
    guard FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]) else {
      throw CocoaError(.fileWriteNoPermission)
    }
  }

  private static func notFound(_ id: String) -> AtelierError {
    AtelierError(
      .previousResponseNotFound, "Previous response with id '\(id.prefix(80))' not found.",
      param: "previous_response_id")
  }

  private static func failure(_ error: any Error, file: String) -> AtelierError {
    switch error {
    case let error as AtelierError: return error
    case is CancellationError: return .requestCancelled
    case let error as DatabaseError where [.SQLITE_NOTADB, .SQLITE_CORRUPT].contains(error.resultCode):
      return AtelierError(
        .internalError,
        "\(file) in the data folder is damaged or no database. Move it away to start with an empty one.")
    case let error as DatabaseError where [.SQLITE_FULL, .SQLITE_IOERR].contains(error.resultCode):
      return AtelierError(.internalError, "\(file) in the data folder cannot be written: the disk is full or failing.")
    case let error as DatabaseError:
      return AtelierError(
        .internalError, "\(file) in the data folder cannot be used (SQLite result \(error.resultCode.rawValue)).")
    case is StoredFormatError, is DecodingError:
      return AtelierError(.internalError, "\(file) in the data folder holds an entry this version cannot read.")
    default: return AtelierError(.internalError, "\(file) in the data folder cannot be opened.")
    }
  }
}

extension ChatScope {
  fileprivate var isAll: Bool { self == .all }

  fileprivate var owner: String? {
    switch self {
    case .all: nil
    case .owned(let token): token
    }
  }
}
