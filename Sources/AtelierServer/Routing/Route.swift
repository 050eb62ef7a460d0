import HTTPTypes

/// One row of the route table.
struct Route: Sendable {
  let method: HTTPRequest.Method
  /// `/v1/models` matches exactly; `/v1/models/*` also takes whatever follows, at least one segment. A `*` before the end,
  /// as in `/v1/responses/*/cancel`, takes one segment. A path has one `*` at most.
  let path: String
  let access: Access
  let handler: any RouteHandler

  init(_ method: HTTPRequest.Method, _ path: String, _ access: Access, _ handler: any RouteHandler) {
    self.method = method
    self.path = path
    self.access = access
    self.handler = handler
  }
}
