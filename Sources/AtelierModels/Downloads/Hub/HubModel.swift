/// A repository as the hub's search shows it.
package struct HubModel: Sendable, Hashable {
  package var repository: RepositoryName
  package var downloads: Int
  package var likes: Int

  package init(repository: RepositoryName, downloads: Int, likes: Int) {
    self.repository = repository
    self.downloads = downloads
    self.likes = likes
  }
}
