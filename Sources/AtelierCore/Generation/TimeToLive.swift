/// How long an instance loaded by this request may stay idle.
package enum TimeToLive: Sendable, Hashable, Codable {
  case seconds(Int)
  case never
}
