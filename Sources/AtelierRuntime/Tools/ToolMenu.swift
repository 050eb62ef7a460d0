import AtelierCore

/// The tools of all servers under the names the model is shown (native.md 13.9). The same servers give the same menu in the
/// same order, whatever order they list their tools in, so that prompts share their beginning.
struct ToolMenu: Sendable, Hashable {
  /// One server's tools.
  struct Offer: Sendable, Hashable {
    var label: String
    var info: ToolProviderInfo
    var tools: [OfferedTool]
  }

  struct Entry: Sendable, Hashable {
    /// Index of the offer.
    var provider: Int
    var info: ToolProviderInfo
    /// The server's own name of the tool.
    var name: String
    var shownName: String
    /// The arguments' schema; nil: any object.
    var schema: JSONValue?
  }

  /// By name.
  private(set) var definitions: [ToolDefinition] = []
  private var entries: [String: Entry] = [:]

  private static let longestName = 64

  /// `taken`: names of the client's own functions. `separator`: between label and name, where a name is taken.
  init(_ offers: [Offer], taken: Set<String> = [], separator: String = "_") {
    var providers: [String: Set<Int>] = [:]
    for (index, offer) in offers.enumerated() {
      for tool in offer.tools { providers[Self.plain(tool.name), default: []].insert(index) }
    }
    var used = taken
    for (index, offer) in offers.enumerated() {
      for tool in offer.tools.sorted(by: { $0.name < $1.name }) {
        let plain = Self.plain(tool.name)
        let clashes = (providers[plain]?.count ?? 0) > 1 || taken.contains(plain)
        let shown = Self.free(clashes ? Self.plain(offer.label) + separator + plain : plain, used)
        used.insert(shown)
        var definition = tool.definition
        definition.name = shown
        definitions.append(definition)
        entries[shown] = Entry(
          provider: index, info: offer.info, name: tool.name, shownName: shown,
          schema: definition.parametersJSON.flatMap { try? JSONValue(parsing: $0) })
      }
    }
    definitions.sort { $0.name < $1.name }
  }

  subscript(shownName: String) -> Entry? { entries[shownName] }

  /// The shown names of a server's tools, or of one of them.
  func names(of provider: ToolProviderInfo, tool: String?) -> Set<String> {
    Set(
      entries.values.filter { $0.info == provider && (tool == nil || $0.name == tool || $0.shownName == tool) }
        .map(\.shownName))
  }

  /// Letters, digits, `_` and `-`; everything else becomes `_`.
  private static func plain(_ name: String) -> String {
    let scalars = name.unicodeScalars.prefix(longestName).map { scalar in
      let fits = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
      return fits || scalar == "_" || scalar == "-" ? Character(scalar) : "_"
    }
    return scalars.isEmpty ? "_" : String(scalars)
  }

  /// The name, cut to its length, with a number behind it if it is used.
  private static func free(_ name: String, _ used: Set<String>) -> String {
    let name = String(name.prefix(longestName))
    if !used.contains(name) { return name }
    for number in 2...used.count + 2 {
      let numbered = name.prefix(longestName - 5) + "_\(number)"
      if !used.contains(String(numbered)) { return String(numbered) }
    }
    return name
  }
}
