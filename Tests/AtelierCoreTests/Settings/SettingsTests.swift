import AtelierCore
import Testing

struct SettingsTests {
  @Test func everyDefaultPassesItsOwnCheckAndKeysAreUnique() throws {
    for definition in SettingDefinition.all {
      #expect(try definition.kind.check(definition.builtIn) == definition.builtIn, "\(definition.key)")
    }
    #expect(Set(SettingDefinition.all.map(\.key)).count == SettingDefinition.all.count)
  }

  @Test func everyDefinitionWritesThePlaceItReads() throws {
    for definition in SettingDefinition.all {
      let other: JSONValue =
        switch definition.kind {
        case .boolean: .bool(definition.builtIn != true)
        case .integer(let range):
          .integer(Int64(definition.builtIn == .integer(Int64(range.upperBound)) ? range.lowerBound : range.upperBound))
        case .choice(let options): .string(options.first { .string($0) != definition.builtIn } ?? "")
        case .text: "other"
        case .list: ["other"]
        }
      var resolved = ResolvedSettings()
      try resolved.set(definition, to: other, from: .flag("--set"))
      #expect(definition.read(resolved.settings) == other)
      let changed = SettingDefinition.all.filter { $0.read(resolved.settings) != $0.builtIn }.map(\.key)
      #expect(changed == [definition.key])
      #expect(resolved.source(of: definition.key) == .flag("--set"))
    }
  }

  @Test(arguments: [
    ("port", "70000"), ("port", "x"), ("port", ""), ("jit.enabled", "maybe"), ("guardrail", "loose"),
    ("load.parallel", "0"), ("load.parallel", "65"),
  ])
  func badTextIsNamedWithItsSource(key: String, text: String) throws {
    let definition = try #require(SettingDefinition.named(key))
    var resolved = ResolvedSettings()
    let problem = #expect(throws: SettingProblem.self) {
      try resolved.set(definition, toText: text, from: .environment("ATELIER_X"))
    }
    #expect(problem?.description.hasPrefix("environment variable ATELIER_X: setting '\(key)': ") == true)
    #expect(resolved.settings == Settings())
  }

  @Test(arguments: [
    (#"{"jit":{"enabled":false},"port":8080}"#), (#"{"jit.enabled":false,"port":8080}"#),
  ])
  func aFileMayNestOrUseDottedKeys(text: String) throws {
    let file = try SettingsFile(parsing: text, path: "settings.json")
    #expect(file.values.map(\.0) == ["jit.enabled", "port"])
    #expect(file.values.map(\.1) == [false, 8080])
  }

  @Test(arguments: ["[1]", "{", #"{"jitt":{"enabled":false}}"#, #"{"jit":1}"#])
  func aFileThatIsNoSettingsIsNamed(text: String) {
    let problem = #expect(throws: SettingProblem.self) { try SettingsFile(parsing: text, path: "s.json") }
    #expect(problem?.description.hasPrefix("file s.json: ") == true)
  }

  @Test func settingKeepsTheFormOfTheFile() throws {
    var file = try SettingsFile(parsing: #"{"port":1,"jit.enabled":true}"#, path: "")
    file.set("jit.enabled", to: false)
    file.set("jit.ttl_seconds", to: 5)
    file.set("port", to: 2)
    #expect(JSONValue.object(file.object).serialized() == #"{"port":2,"jit.enabled":false,"jit":{"ttl_seconds":5}}"#)
  }
}
