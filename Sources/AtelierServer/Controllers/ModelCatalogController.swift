import AtelierAPI
import AtelierCore
import AtelierModels

/// `GET /atelier/catalog?query=words` (`hub=false` asks the built-in catalog only, `limit` bounds what the hub adds) and
/// `GET /atelier/catalog/{owner}/{name}`, the quantizations of one.
struct ModelCatalogController: RouteHandler {
  let downloads: any DownloadManaging

  private static let mostResults = 100

  func handle(_ request: ServerRequest, _ exchange: Exchange) async throws {
    guard request.rest.isEmpty else {
      return try await exchange.send(ModelSearch.body(of: try await downloads.choices(for: request.rest)))
    }
    let query = request.query
    let limit = try query["limit"].map(Self.limit) ?? 20
    let result = await downloads.search(
      query["query"] ?? "", limit: limit, asksHub: try query.boolean("hub", default: true))
    try await exchange.send(ModelSearch.body(of: result))
  }

  private static func limit(_ text: String) throws(AtelierError) -> Int {
    guard let number = Int(text), (1...mostResults).contains(number) else {
      throw AtelierError(.invalidValue, "'limit' must be a whole number from 1 to \(mostResults).", param: "limit")
    }
    return number
  }
}
