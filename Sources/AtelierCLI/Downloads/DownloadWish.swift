import AtelierCore

/// What the words after `get` ask for, as a value.
struct DownloadWish: Sendable, Hashable {
  enum Target: Sendable, Hashable {
    /// A link to the hub.
    case link(String)
    /// `publisher/name`.
    case id(String)
    /// To be searched for; empty: the whole catalog.
    case words(String)
  }

  struct Problem: Error, Hashable { let text: String }

  var target: Target
  var quantization: String?

  /// - Parameters:
  ///   - words: as typed; a last one may end in `@quantization`.
  ///   - quantization: of the flag.
  init(_ words: [String], quantization: String? = nil) throws(Problem) {
    var text = words.joined(separator: " ").trimmed
    // The scheme is often left out when a link is copied.
    for host in ["huggingface.co/", "www.huggingface.co/", "hf.co/"] where text.lowercased().hasPrefix(host) {
      text = "https://huggingface.co/" + text.dropFirst(host.count)
    }
    var named: String?
    let isLink = text.contains("://")
    let parts = text.split(separator: "@", omittingEmptySubsequences: false)
    if !isLink || parts.count > 1 {
      guard parts.count <= 2 else { throw Problem(text: "More than one '@' in '\(text)'.") }
      if parts.count == 2 {
        guard !parts[1].isEmpty, !parts[0].isEmpty else { throw Problem(text: "'\(text)' names no quantization.") }
        named = String(parts[1])
        text = String(parts[0])
      }
    }
    if let named, let quantization, named.lowercased() != quantization.lowercased() {
      throw Problem(text: "The name and --quantization ask for different quantizations.")
    }
    self.quantization = quantization ?? named
    if isLink {
      target = .link(text)
    } else if Self.isID(text) {
      target = .id(text)
    } else {
      target = .words(text)
    }
  }

  private static func isID(_ text: String) -> Bool {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    return parts.count == 2 && parts.allSatisfy { !$0.isEmpty } && !text.contains(" ")
  }

  /// The body of `POST /api/v1/models/download` for a link or an id.
  static func body(link: String, quantization: String?) -> JSONValue {
    var body: JSONObject = ["model": .string(link)]
    if let quantization { body["quantization"] = .string(quantization) }
    return .object(body)
  }

  static func body(id: String, quantization: String?) -> JSONValue {
    ["model": .string(quantization.map { "\(id)@\($0)" } ?? id)]
  }

  /// Of search results the one that the words name by its id or its id's second half, if there is exactly one.
  static func exact(_ words: String, in ids: [String]) -> Int? {
    let wanted = words.lowercased().split(separator: " ").joined(separator: "-")
    let byID = ids.indices.filter { ids[$0].lowercased() == wanted }
    if byID.count == 1 { return byID[0] }
    let byName = ids.indices.filter { ids[$0].lowercased().split(separator: "/").last.map(String.init) == wanted }
    return byName.count == 1 ? byName[0] : nil
  }
}

extension String {
  fileprivate var trimmed: String {
    String(drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}
