import HTTPTypes
import HummingbirdCore

/// A request that has passed the policies.
struct ServerRequest: Sendable {
  let request: Request
  /// What the `*` of the route stands for.
  let rest: String

  var query: RequestQuery { RequestQuery(target: request.head.path ?? "") }
}
