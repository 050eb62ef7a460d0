import AtelierCore
import Foundation
import GRDB

/// Reads and writes the rows of one node. Runs inside a transaction of the caller.
struct NodeRecord {
  private static let encoder: JSONEncoder = {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    return encoder
  }()

  static func insert(_ node: ConversationNode, into db: Database) throws {
    var images: Set<Int64> = []
    let input = try node.input.map { message in
      try StoredMessage(message) { image in
        let row = try rowOfImage(image, in: db)
        images.insert(row)
        return row
      }
    }
    try db.execute(
      sql: """
        INSERT INTO node (id, parent, created_at, model_key, surface, owner, system_prompt, input, output,
          finish_reason, usage, timings, record) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
      arguments: [
        node.id, node.parent, node.createdAt, node.modelKey, node.surface.rawValue, node.owner, node.systemPrompt,
        try json(input), try json(StoredItem.items(node.output, rounds: node.rounds)), node.finishReason.rawValue,
        try json(node.usage), try json(node.timings), node.record,
      ])
    for image in images {
      try db.execute(sql: "INSERT INTO node_image (node, image) VALUES (?, ?)", arguments: [node.id, image])
    }
  }

  static func node(_ row: Row, in db: Database) throws -> ConversationNode {
    guard let finishReason = FinishReason(rawValue: row["finish_reason"]),
      let surface = ConversationNode.Surface(rawValue: row["surface"])
    else { throw StoredFormatError() }
    let input: [StoredMessage] = try value(row["input"])
    let output: [StoredItem] = try value(row["output"])
    return ConversationNode(
      id: row["id"], parent: row["parent"],
      input: try input.map { try $0.message { try image(row: $0, in: db) } },
      systemPrompt: row["system_prompt"], output: try output.map { try $0.item() }, modelKey: row["model_key"],
      createdAt: row["created_at"], finishReason: finishReason, usage: try value(row["usage"]),
      timings: try value(row["timings"]), owner: row["owner"], surface: surface, record: row["record"],
      rounds: StoredItem.rounds(output))
  }

  /// What the user said first, as one short line. `input`: the column. Reads no image.
  static func title(ofInput input: String) throws -> String {
    let messages: [StoredMessage] = try value(input)
    let text = messages.first { $0.role == Message.Role.user.rawValue }?.text ?? ""
    return String(text.prefix(400).split(whereSeparator: \.isWhitespace).joined(separator: " ").prefix(80))
  }

  /// Deletes the nodes, each of which must be a leaf when its turn comes, and images nobody refers to any more.
  static func delete(_ ids: [String], from db: Database) throws {
    let statement = try db.cachedStatement(sql: "DELETE FROM node WHERE id = ?")
    for id in ids { try statement.execute(arguments: [id]) }
    try db.execute(sql: "DELETE FROM image WHERE NOT EXISTS (SELECT 1 FROM node_image WHERE image = image.id)")
  }

  private static func rowOfImage(_ image: ImageData, in db: Database) throws -> Int64 {
    let hash = ContentHash.of(image.bytes)
    let known = try Int64.fetchOne(
      db, sql: "SELECT id FROM image WHERE hash = ? AND format = ? AND bytes = ?",
      arguments: [hash, image.format.rawValue, image.bytes])
    if let known { return known }
    try db.execute(
      sql: "INSERT INTO image (hash, format, width, height, bytes) VALUES (?, ?, ?, ?, ?)",
      arguments: [hash, image.format.rawValue, image.width, image.height, image.bytes])
    return db.lastInsertedRowID
  }

  private static func image(row id: Int64, in db: Database) throws -> ImageData {
    guard let row = try Row.fetchOne(db, sql: "SELECT * FROM image WHERE id = ?", arguments: [id]),
      let format = ImageData.Format(rawValue: row["format"])
    else { throw StoredFormatError() }
    return ImageData(format: format, bytes: row["bytes"], width: row["width"], height: row["height"])
  }

  private static func json(_ value: some Encodable) throws -> String {
    String(decoding: try encoder.encode(value), as: UTF8.self)
  }

  private static func value<Value: Decodable>(_ text: String) throws -> Value {
    try JSONDecoder().decode(Value.self, from: Data(text.utf8))
  }
}
