/// The name of a server of mcp.json in requests: `mcp/<label>`.
package enum PluginID {
  package static let prefix = "mcp/"

  /// The label that is meant, out of `labels`: the exact one, else one that differs only in case and in whether its words
  /// are parted by `-`, `_`, `.` or space (native.md 13.4); nil when there is none or the id has no prefix.
  package static func label(of id: String, among labels: some Sequence<String>) -> String? {
    guard id.hasPrefix(prefix) else { return nil }
    let wanted = String(id.dropFirst(prefix.count))
    let labels = Array(labels)
    if labels.contains(wanted) { return wanted }
    let plain = kebab(wanted)
    return labels.first { kebab($0) == plain }
  }

  private static func kebab(_ label: String) -> String {
    String(label.lowercased().map { $0 == "_" || $0 == " " || $0 == "." ? "-" : $0 })
  }
}
