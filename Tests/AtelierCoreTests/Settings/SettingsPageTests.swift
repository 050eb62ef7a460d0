import AtelierCore
import Foundation
import Testing

/// `docs/settings.md` is the settings table; ATELIER_UPDATE_GOLDEN=1 rewrites it.
struct SettingsPageTests {
  private static let introduction = """
    # Settings

    Each setting can be given as a flag (`atelier serve --set key=value`, and short flags for the common ones), as an
    environment variable, or in `$ATELIER_HOME/settings.json` (nested or with dots), in that order; then its default holds.
    `atelier config set key value` writes the file, `atelier config explain key` says which source won. Lists are separated by
    commas in flags and variables.

    | Setting | Variable | Takes | Default | Meaning |
    |---|---|---|---|---|

    """

  @Test func pageIsTheTable() throws {
    let rows = SettingDefinition.all.map { setting in
      let variable = "ATELIER_" + setting.key.uppercased().replacing(".", with: "_")
      let value = setting.builtIn.serialized()
      return "| `\(setting.key)` | `\(variable)` | \(setting.kind.summary) | `\(value)` | \(setting.summary) |"
    }
    let expected = Self.introduction + rows.joined(separator: "\n") + "\n"
    let page = URL(filePath: #filePath).appending(path: "../../../../docs/settings.md").standardizedFileURL
    if ProcessInfo.processInfo.environment["ATELIER_UPDATE_GOLDEN"] == "1" {
      try Data(expected.utf8).write(to: page)
    }
    #expect(try String(contentsOf: page, encoding: .utf8) == expected)
  }
}
