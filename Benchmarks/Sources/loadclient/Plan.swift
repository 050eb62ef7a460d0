import Foundation

/// What to send and when, read from a JSON file.
struct Plan: Decodable {
  let host: String
  let port: UInt16
  /// At most so many chains run at once, taken in order; 0 means no limit.
  let concurrency: Int
  /// Seconds after which everything unfinished is given up.
  let deadline: Double
  /// Whether a chain keeps its connection from one request to the next.
  let keepAlive: Bool
  let chains: [Chain]

  /// Requests of one client, each sent when the one before has ended.
  struct Chain: Decodable {
    /// Earliest start in seconds after the run's beginning.
    let start: Double
    let requests: [Request]
  }

  struct Request: Decodable {
    let id: String
    let path: String
    /// Sent as it is; `@@ANSWER:n@@` becomes the answer's text of the chain's n-th request, already escaped for JSON.
    let body: String
    /// Seconds to wait after the request before.
    let pause: Double?
  }
}
