/// The native API's reasoning values; the OpenAI dialect's efforts map onto them.
package enum ReasoningSetting: String, Sendable, Hashable, Codable, CaseIterable {
  case off, on, minimal, low, medium, high, xhigh, max
}
