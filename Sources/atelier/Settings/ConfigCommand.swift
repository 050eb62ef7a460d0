import ArgumentParser
import AtelierCore
import Foundation

struct ConfigCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "config", abstract: "Show and change settings.",
    subcommands: [List.self, Get.self, Set.self, Explain.self], defaultSubcommand: List.self)

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Every setting with its value.")

    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let settings = try SettingsLoader().load().settings
      if json {
        let members = SettingDefinition.all.map { ($0.key, $0.read(settings)) }
        return print(JSONValue.object(JSONObject(members)).serialized())
      }
      let width = SettingDefinition.all.map(\.key.count).max() ?? 0
      for definition in SettingDefinition.all {
        let key = definition.key.padding(toLength: width, withPad: " ", startingAt: 0)
        print("\(key)  \(definition.read(settings).serialized())")
      }
    }
  }

  struct Get: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "One setting's value.")

    @Argument(help: "The setting's key.") var key: String
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let value = try definition(key).read(SettingsLoader().load().settings)
      print(json ? value.serialized() : value.stringValue ?? value.serialized())
    }
  }

  struct Set: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write a setting to settings.json; a running server takes it at its next start, require_auth at once.")

    @Argument(help: "The setting's key.") var key: String
    @Argument(help: "The new value.") var value: String

    func run() throws {
      let definition = try definition(key)
      let loader = SettingsLoader()
      var file = try loader.readFile()
      do { file.set(key, to: try definition.kind.parse(value)) } catch {
        throw SettingProblem(key: key, reason: error.reason)
      }
      try loader.write(file)
    }
  }

  struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Where values come from, and what settings mean.")

    @Argument(help: "The setting's key; all when left out.") var key: String?
    @Flag(help: "Print JSON.") var json = false

    func run() throws {
      let resolved = try SettingsLoader().load()
      let definitions = try key.map { [try definition($0)] } ?? SettingDefinition.all
      if json {
        let entries = definitions.map { Self.entry($0, resolved) }
        return print((key == nil ? JSONValue.array(entries) : entries[0]).serialized())
      }
      for definition in definitions {
        print(
          """
          \(definition.key) = \(definition.read(resolved.settings).serialized())
            from: \(resolved.source(of: definition.key))
            \(definition.summary)
            Takes \(definition.kind.summary); default \(definition.builtIn.serialized()); \
          environment \(SettingsLoader.variable(of: definition.key)).
          """)
      }
    }

    private static func entry(_ definition: SettingDefinition, _ resolved: ResolvedSettings) -> JSONValue {
      let source = resolved.source(of: definition.key)
      return [
        "key": .string(definition.key), "value": definition.read(resolved.settings), "source": .string(source.kind),
        "origin": .string(source.description), "default": definition.builtIn,
        "takes": .string(definition.kind.summary), "summary": .string(definition.summary),
      ]
    }
  }
}

private func definition(_ key: String) throws -> SettingDefinition {
  guard let definition = SettingDefinition.named(key) else {
    throw SettingProblem(key: key, reason: "unknown setting; 'atelier config list' shows all")
  }
  return definition
}
