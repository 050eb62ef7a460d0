/// Why a setting cannot be used: an unknown key, or a value that does not fit.
package struct SettingProblem: Error, Sendable, Hashable, CustomStringConvertible {
  package var key: String?
  package var source: SettingSource?
  package var reason: String

  package init(key: String? = nil, source: SettingSource? = nil, reason: String) {
    self.key = key
    self.source = source
    self.reason = reason
  }

  package func at(_ key: String, in source: SettingSource) -> SettingProblem {
    SettingProblem(key: key, source: source, reason: reason)
  }

  package var description: String {
    [source.map(\.description), key.map { "setting '\($0)'" }, reason].compactMap(\.self).joined(separator: ": ")
  }
}
