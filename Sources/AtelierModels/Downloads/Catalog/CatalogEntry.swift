/// A well-known model: an id that people type, and where its files are.
package struct CatalogEntry: Sendable, Hashable {
  /// `publisher/name`, lower case.
  package var id: String
  package var repository: RepositoryName
  /// What to take when none is asked for.
  package var recommended: String
  /// Bytes of that quantization, roughly; the hub's list decides. nil: not known.
  package var approximateBytes: Int64?
  package var kind: Kind

  package enum Kind: String, Sendable, Hashable, CaseIterable { case llm, vision, embedding }

  package init(
    id: String, repository: RepositoryName, recommended: String, approximateBytes: Int64?, kind: Kind
  ) {
    self.id = id.lowercased()
    self.repository = repository
    self.recommended = recommended
    self.approximateBytes = approximateBytes
    self.kind = kind
  }
}
