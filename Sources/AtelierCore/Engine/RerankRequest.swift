/// Documents to be scored against a query.
package struct RerankRequest: Sendable, Hashable, Codable {
  package var query: String
  package var documents: [String]

  package init(query: String, documents: [String]) {
    self.query = query
    self.documents = documents
  }
}
