import AtelierCore

/// Finds the model a command is about when none was named.
enum ModelPicker {
  /// The key of a model on disk, chosen by the person.
  static func choose(
    _ listing: ModelListing, kind: String? = nil, title: String = "Model"
  ) throws -> String {
    let entries = listing.entries(kind: kind)
    guard !entries.isEmpty else {
      throw CommandFailure("There is no model yet. Get one with '\(ProgramName.text) get'.")
    }
    let table = ModelTables.models(entries, isLoaded: listing.isLoaded)
    guard let place = Terminal.choose(title, table, standard: 0) else { throw CommandFailure("Nothing was chosen.") }
    return entries[place]["modelKey"]?.stringValue ?? ""
  }
}
