/// The content of `settings.json`: an object whose members are settings, nested (`{"jit": {"enabled": false}}`) or by
/// dotted key (`{"jit.enabled": false}`).
package struct SettingsFile: Sendable, Hashable {
  package private(set) var object: JSONObject

  package init() { object = [:] }

  /// Throws when the text is no JSON object or names an unknown setting. Values are checked by `ResolvedSettings`.
  package init(parsing text: String, path: String) throws(SettingProblem) {
    let value: JSONValue
    do { value = try JSONValue(parsing: text) } catch {
      throw SettingProblem(source: .file(path), reason: "not JSON (\(error.reason) at byte \(error.offset))")
    }
    guard case .object(let object) = value else {
      throw SettingProblem(source: .file(path), reason: "must hold a JSON object")
    }
    self.object = object
    for (key, _) in values where SettingDefinition.named(key) == nil {
      throw SettingProblem(key: key, source: .file(path), reason: "unknown setting; 'atelier config list' shows all")
    }
  }

  /// Settings by dotted key, in the order written.
  package var values: [(String, JSONValue)] { Self.flatten(object, prefix: "") }

  private static func flatten(_ object: JSONObject, prefix: String) -> [(String, JSONValue)] {
    object.flatMap { key, value -> [(String, JSONValue)] in
      if case .object(let inner) = value { flatten(inner, prefix: prefix + key + ".") } else { [(prefix + key, value)] }
    }
  }

  /// Sets a value where it stands already, else nested.
  package mutating func set(_ key: String, to value: JSONValue) {
    if object[key] != nil {
      object[key] = value
    } else {
      Self.set(key.split(separator: ".").map(String.init)[...], to: value, in: &object)
    }
  }

  private static func set(_ path: ArraySlice<String>, to value: JSONValue, in object: inout JSONObject) {
    guard let first = path.first else { return }
    if path.count == 1 {
      object[first] = value
    } else {
      var inner = object[first]?.objectValue ?? [:]
      set(path.dropFirst(), to: value, in: &inner)
      object[first] = .object(inner)
    }
  }
}
