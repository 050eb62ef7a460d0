import AtelierCore

/// Gathers the pages of `tools/list`.
struct ToolList: Sendable {
  private(set) var tools: [MCPTool] = []
  /// Tools left out, and why.
  private(set) var problems: [String] = []
  /// How long the server lets us keep the list (2026-07-28); nil: it does not say.
  private(set) var lifetime: Duration?
  private let version: ProtocolVersion
  private let limits: MCPLimits
  private var names: Set<String> = []
  private var cursors: Set<String> = []
  private var pages = 0

  init(version: ProtocolVersion, limits: MCPLimits) {
    self.version = version
    self.limits = limits
  }

  /// Returns the cursor of the next page, nil after the last one. Throws when the list has no end.
  mutating func add(_ page: JSONObject) throws(MCPError) -> String? {
    guard let entries = page["tools"]?.arrayValue else {
      throw MCPError(.malformed, "The server's list of tools is malformed")
    }
    pages += 1
    for entry in entries {
      var reason = ""
      guard let tool = MCPTool(entry, version: version, limits: limits, reason: &reason) else {
        problems.append("tool '\(PlainText.line(entry["name"]?.stringValue ?? "", limit: 64))' is left out: \(reason)")
        continue
      }
      if names.insert(tool.name).inserted { tools.append(tool) }
    }
    guard tools.count <= limits.listedTools else {
      throw MCPError(.tooLarge, "The server lists more than \(limits.listedTools) tools")
    }
    if version.era == .stateless, let milliseconds = page["ttlMs"]?.doubleValue {
      let page = Duration.milliseconds(Int64(min(max(milliseconds, 0), 86_400_000)))
      lifetime = lifetime.map { min($0, page) } ?? page
    }
    guard let cursor = page["nextCursor"]?.stringValue, !cursor.isEmpty else { return nil }
    guard pages < limits.pages, cursors.insert(cursor).inserted, cursor.utf8.count <= 4096 else {
      throw MCPError(.tooLarge, "The server's list of tools has more than \(limits.pages) pages")
    }
    return cursor
  }
}
