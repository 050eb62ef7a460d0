/// A released revision of the protocol.
package enum ProtocolVersion: String, Sendable, Hashable, CaseIterable {
  case november2024 = "2024-11-05"
  case march2025 = "2025-03-26"
  case june2025 = "2025-06-18"
  case november2025 = "2025-11-25"
  case july2026 = "2026-07-28"

  /// How a connection is made.
  package enum Era: Sendable, Hashable {
    /// `initialize`, then a session.
    case handshake
    /// Every request carries what the server needs to know.
    case stateless
  }

  package var era: Era { self == .july2026 ? .stateless : .handshake }

  static let newestHandshake = ProtocolVersion.november2025
  static let newestStateless = ProtocolVersion.july2026

  /// The newest of ours among a server's, in one era.
  static func newest(of era: Era, among names: [String]) -> ProtocolVersion? {
    allCases.last { $0.era == era && names.contains($0.rawValue) }
  }
}
