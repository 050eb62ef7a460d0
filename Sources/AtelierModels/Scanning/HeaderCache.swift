import AtelierCore

/// Headers by path, kept as long as size and modification time stay the same; faults are kept too.
struct HeaderCache: Sendable {
  /// A header without its template, and what the template told.
  struct Entry: Sendable {
    var header: GGUFHeader
    var traits: TemplateTraits
  }

  private var entries: [String: (stamp: FileStamp, result: Result<Entry, GGUFError>)] = [:]
  /// Headers read from disk so far.
  private(set) var reads = 0

  mutating func entry(for file: ModelTree.File) -> Result<Entry, GGUFError> {
    if let known = entries[file.path], known.stamp == file.stamp { return known.result }
    reads += 1
    let result = Self.read(file.path)
    entries[file.path] = (file.stamp, result)
    return result
  }

  func header(ofFileAt path: String) -> GGUFHeader? { try? entries[path]?.result.get().header }

  mutating func removeAll(except paths: Set<String>) {
    entries = entries.filter { paths.contains($0.key) }
  }

  private static func read(_ path: String) -> Result<Entry, GGUFError> {
    do throws(GGUFError) {
      var header = try GGUFReader.header(ofFileAt: path)
      let traits = TemplateTraits(template: header.chatTemplate)
      header.chatTemplate = nil
      return .success(Entry(header: header, traits: traits))
    } catch {
      return .failure(error)
    }
  }
}
