/// A model that can be downloaded, as a search shows it.
package struct FoundModel: Sendable, Hashable {
  /// What a download request names it by: a catalog id or a repository, both `publisher/name`.
  package var id: String
  package var repository: String
  /// Of the catalog; false: found on the hub.
  package var isInCatalog: Bool
  /// `llm`, `vision`, `embedding`; nil for what the hub found.
  package var kind: String?
  /// What is taken when no quantization is asked for; nil: the order of preference decides.
  package var recommended: String?
  /// Bytes of that, roughly; nil: not known.
  package var sizeBytes: Int64?
  /// Of the hub.
  package var downloads: Int?
  package var likes: Int?

  package init(
    id: String, repository: String, isInCatalog: Bool, kind: String? = nil, recommended: String? = nil,
    sizeBytes: Int64? = nil, downloads: Int? = nil, likes: Int? = nil
  ) {
    self.id = id
    self.repository = repository
    self.isInCatalog = isInCatalog
    self.kind = kind
    self.recommended = recommended
    self.sizeBytes = sizeBytes
    self.downloads = downloads
    self.likes = likes
  }
}
