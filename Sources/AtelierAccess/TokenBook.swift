import AtelierCore

/// All tokens of a server, in the order they were made.
package struct TokenBook: Sendable, Hashable {
  package private(set) var records: [TokenRecord] = []

  /// A server has few; the bound keeps the file small enough to read in a moment.
  static let most = 1000
  private static let version = 1

  package struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String
  }

  package init() {}

  package func record(_ id: String) -> TokenRecord? { records.first { $0.id == id } }

  /// Takes a new token. Throws when there are too many, or the name is none.
  package mutating func add(_ record: TokenRecord) throws(Problem) {
    try Self.check(record.name)
    guard records.count < Self.most else {
      throw Problem(description: "There are \(Self.most) tokens already; delete some first.")
    }
    guard self.record(record.id) == nil else { throw Problem(description: "There is a token '\(record.id)' already.") }
    records.append(record)
  }

  /// Changes what is not nil; `expiresAt` is doubly optional, because "never" is a value too.
  @discardableResult
  package mutating func edit(
    _ id: String, name: String? = nil, permissions: Permissions? = nil, expiresAt: Int64?? = nil
  ) throws(Problem) -> TokenRecord {
    let index = try index(of: id)
    if let name {
      try Self.check(name)
      records[index].name = name
    }
    if let permissions { records[index].permissions = permissions }
    if let expiresAt { records[index].expiresAt = expiresAt }
    return records[index]
  }

  @discardableResult
  package mutating func delete(_ id: String) throws(Problem) -> TokenRecord { records.remove(at: try index(of: id)) }

  private func index(of id: String) throws(Problem) -> Int {
    guard let index = records.firstIndex(where: { $0.id == id }) else {
      throw Problem(description: "There is no token with the id '\(id.prefix(40))'.")
    }
    return index
  }

  private static func check(_ name: String) throws(Problem) {
    let isPlain = name.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    guard (1...100).contains(name.count), isPlain else {
      throw Problem(description: "A token's name has 1 to 100 characters and no control characters.")
    }
  }

  // MARK: The file's form

  /// nil when the bytes are no list that this version wrote. A list is read whole or not at all: a record left out would be a
  /// token that stopped working without a word.
  init?(_ bytes: some Collection<UInt8>) {
    guard let value = try? JSONValue(parsing: Array(bytes)), value["version"]?.integerValue == Self.version,
      let entries = value["tokens"]?.arrayValue
    else { return nil }
    records = entries.compactMap(TokenRecord.init)
    guard records.count == entries.count, Set(records.map(\.id)).count == records.count else { return nil }
  }

  var bytes: [UInt8] {
    let value: JSONValue = ["version": .integer(Int64(Self.version)), "tokens": .array(records.map(\.json))]
    return Array((value.serialized() + "\n").utf8)
  }
}
