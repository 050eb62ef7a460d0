import AtelierCore
import Configuration
import Foundation

/// Resolves the settings: flags, then environment, then `settings.json`, then defaults.
struct SettingsLoader {
  /// A setting given on the command line: its dotted key, its text, and the flag as typed.
  struct Flag: Sendable {
    var key: String
    var text: String
    var name: String
  }

  let directory: DataDirectory
  let environment: [String: String]

  init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    self.environment = environment
    directory = .standard(environment: environment)
  }

  /// Variables with our prefix that are no settings; the last two are those of the project's scripts.
  private static let otherVariables: Set<String> = [
    "ATELIER_HOME", "ATELIER_WORKER", "ATELIER_API_TOKEN", "ATELIER_BIN", "ATELIER_CACHE",
  ]

  func load(flags: [Flag] = []) throws -> ResolvedSettings {
    let file = try readFile()
    let sources: [(any ConfigProvider, (String, String) -> SettingSource)] = [
      (try Self.provider(for: flags), { key, _ in .flag(flags.last { $0.key == key }?.name ?? "--set") }),
      (environmentProvider, { _, variable in .environment(variable) }),
      (legacyProvider, { _, _ in .environment("LMS_SERVER_HOST") }),
    ]
    let fromFile = Dictionary(file.values, uniquingKeysWith: { _, last in last })
    var resolved = ResolvedSettings()
    for definition in SettingDefinition.all {
      if let (text, source) = try Self.first(of: sources, definition.key) {
        try resolved.set(definition, toText: text, from: source)
      } else if let value = fromFile[definition.key] {
        try resolved.set(definition, to: value, from: .file(directory.settings.path))
      }
    }
    return resolved
  }

  func readFile() throws -> SettingsFile {
    guard FileManager.default.fileExists(atPath: directory.settings.path) else { return SettingsFile() }
    let text: String
    do { text = try String(contentsOf: directory.settings, encoding: .utf8) } catch {
      throw SettingProblem(source: .file(directory.settings.path), reason: "cannot be read as text")
    }
    return try SettingsFile(parsing: text, path: directory.settings.path)
  }

  func write(_ file: SettingsFile) throws {
    try directory.create()
    try Data((JSONValue.object(file.object).serialized() + "\n").utf8).write(to: directory.settings, options: .atomic)
  }

  /// Variables that look like settings and are none: a typing mistake, or another program's.
  var unknownVariables: [String] {
    let known = Set(SettingDefinition.all.map { Self.variable(of: $0.key) })
    return environment.keys.filter {
      $0.hasPrefix("ATELIER_") && !known.contains($0) && !Self.otherVariables.contains($0)
    }.sorted()
  }

  static func variable(of key: String) -> String {
    "ATELIER_" + key.uppercased().replacing(".", with: "_")
  }

  // MARK: Providers

  private static func first(
    of sources: [(any ConfigProvider, (String, String) -> SettingSource)], _ key: String
  ) throws -> (String, SettingSource)? {
    let place = AbsoluteConfigKey(key.split(separator: ".").map(String.init))
    for (provider, source) in sources {
      let found = try provider.value(forKey: place, type: .string)
      if let value = found.value, case .string(let text) = value.content {
        return (text, source(key, found.encodedKey))
      }
    }
    return nil
  }

  private static func provider(for flags: [Flag]) throws -> InMemoryProvider {
    var values: [AbsoluteConfigKey: ConfigValue] = [:]
    for flag in flags {
      guard SettingDefinition.named(flag.key) != nil else {
        throw SettingProblem(
          key: flag.key, source: .flag(flag.name), reason: "unknown setting; 'atelier config list' shows all")
      }
      values[AbsoluteConfigKey(flag.key.split(separator: ".").map(String.init))] = ConfigValue(
        .string(flag.text), isSecret: false)
    }
    return InMemoryProvider(name: "flags", values: values)
  }

  private var environmentProvider: some ConfigProvider {
    EnvironmentVariablesProvider(environmentVariables: environment).prefixKeys(with: "atelier")
  }

  /// LM Studio's own variable for the address, below ours.
  private var legacyProvider: InMemoryProvider {
    guard let host = environment["LMS_SERVER_HOST"], !host.isEmpty else {
      return InMemoryProvider(name: "LMS_SERVER_HOST", values: [:])
    }
    return InMemoryProvider(
      name: "LMS_SERVER_HOST",
      values: [AbsoluteConfigKey(["host"]): ConfigValue(.string(host), isSecret: false)])
  }
}
