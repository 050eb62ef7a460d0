import AtelierCore

/// Finds a model of a list by the id in a path.
enum ModelLookup {
  /// The one with this id: exactly, else the only one that differs in case, else the only one whose last path component
  /// it is.
  static func place(of id: String, in ids: [String]) -> Int? {
    let folded = id.lowercased()
    return ids.firstIndex(of: id) ?? only(ids) { $0.lowercased() == folded }
      ?? only(ids) { $0.lowercased().split(separator: "/").last.map(String.init) == folded }
  }

  private static func only(_ ids: [String], _ matches: (String) -> Bool) -> Int? {
    let found = ids.indices.filter { matches(ids[$0]) }
    return found.count == 1 ? found[0] : nil
  }

  static func notFound(_ id: String, list: String) -> AtelierError {
    AtelierError(
      .modelNotFound, "No model matches '\(FieldReader.shortened(id))'. Run \(list) for the list.", param: "model")
  }
}
