/// Why generation ended. Raw values are LM Studio's `stop_reason` words (native.md 12.4).
package enum FinishReason: String, Sendable, Hashable, Codable {
  case endOfText = "eosFound"
  case stopString = "stopStringFound"
  case maxTokens = "maxPredictedTokensReached"
  case contextFull = "contextLengthReached"
  case toolCalls = "toolCalls"
  case userStopped = "userStopped"
  case modelUnloaded = "modelUnloaded"
  case failed = "failed"
}
