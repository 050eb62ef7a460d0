/// Settings and where each value came from.
package struct ResolvedSettings: Sendable {
  package private(set) var settings = Settings()
  private var sources: [String: SettingSource] = [:]

  package init() {}

  package func source(of key: String) -> SettingSource { sources[key] ?? .builtIn }

  /// Takes the value of the highest source that has one; throws when it does not fit.
  package mutating func set(
    _ definition: SettingDefinition, to value: JSONValue, from source: SettingSource
  ) throws(SettingProblem) {
    do { definition.write(&settings, try definition.kind.check(value)) } catch {
      throw error.at(definition.key, in: source)
    }
    sources[definition.key] = source
  }

  package mutating func set(
    _ definition: SettingDefinition, toText text: String, from source: SettingSource
  ) throws(SettingProblem) {
    let value: JSONValue
    do { value = try definition.kind.parse(text) } catch { throw error.at(definition.key, in: source) }
    try set(definition, to: value, from: source)
  }
}
