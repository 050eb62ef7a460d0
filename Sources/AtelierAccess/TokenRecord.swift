import AtelierCore
import Crypto

/// What is kept of a token: never the secret, only its keyed hash.
package struct TokenRecord: Sendable, Hashable {
  package let id: String
  package internal(set) var name: String
  package internal(set) var permissions: Permissions
  /// Milliseconds since 1970.
  package let createdAt: Int64
  /// Milliseconds since 1970; nil: stays.
  package internal(set) var expiresAt: Int64?
  private let salt: [UInt8]
  private let hash: [UInt8]

  private static let saltLength = 16

  package init(_ token: APIToken, name: String, permissions: Permissions, createdAt: Int64, expiresAt: Int64?) {
    var generator = SystemRandomNumberGenerator()
    let salt = (0..<Self.saltLength).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    self.id = token.id
    self.name = name
    self.permissions = permissions
    self.createdAt = createdAt
    self.expiresAt = expiresAt
    self.salt = salt
    hash = Self.hash(token.secret, salt)
  }

  private static func hash(_ secret: Secret, _ salt: [UInt8]) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: Array(secret.value.utf8), using: SymmetricKey(data: salt)))
  }

  /// Takes the same time for every secret.
  func matches(_ secret: Secret) -> Bool {
    HMAC<SHA256>.isValidAuthenticationCode(
      hash, authenticating: Array(secret.value.utf8), using: SymmetricKey(data: salt))
  }

  package func isExpired(at now: Int64) -> Bool { expiresAt.map { $0 <= now } ?? false }

  // MARK: The file's form

  /// nil when the value is no record that this version wrote.
  init?(_ value: JSONValue) {
    guard let id = value["id"]?.stringValue, let name = value["name"]?.stringValue,
      let names = value["permissions"]?.arrayValue,
      let permissions = try? Permissions(names: names.map { $0.stringValue ?? "" }),
      let created = value["created_at"]?.stringValue.flatMap(TokenTime.milliseconds),
      let salt = value["salt"]?.stringValue.flatMap(Hexadecimal.bytes), salt.count >= Self.saltLength,
      let hash = value["hash"]?.stringValue.flatMap(Hexadecimal.bytes), hash.count == SHA256.byteCount
    else { return nil }
    switch value["expires_at"] {
    case nil, .null?: expiresAt = nil
    case let text?:
      guard let end = text.stringValue.flatMap(TokenTime.milliseconds) else { return nil }
      expiresAt = end
    }
    self.id = id
    self.name = name
    self.permissions = permissions
    createdAt = created
    self.salt = salt
    self.hash = hash
  }

  var json: JSONValue {
    guard case .object(var object) = summary else { return summary }
    object["salt"] = .string(Hexadecimal.text(salt))
    object["hash"] = .string(Hexadecimal.text(hash))
    return .object(object)
  }

  /// What may be shown.
  package var summary: JSONValue {
    [
      "id": .string(id), "name": .string(name), "permissions": .array(permissions.names.map(JSONValue.string)),
      "created_at": .string(TokenTime.text(createdAt)),
      "expires_at": expiresAt.map { .string(TokenTime.text($0)) } ?? .null,
    ]
  }
}
