/// What happens while an answer comes into being: the superset of what any dialect shows.
///
/// The contract (checked by `EventContract` in AtelierTesting):
/// 1. Blocks open and close explicitly and never overlap; a delta lies inside an open block of its kind.
/// 2. What can be refused is refused before the stream exists. After that a fault is a `failed` event, at most one.
/// 3. Exactly one `finished`, always last, also after `failed`, with what was generated so far.
package enum GenerationEvent: Sendable, Hashable {
  case instanceSelected(InstanceSelection)
  case loadStarted
  /// 0…1, never decreasing.
  case loadProgress(Double)
  case loadFinished(seconds: Double)
  /// Before the first prompt, for requests that asked for it (`ServedToolOptions`).
  case toolsListed(ToolListing)
  case promptStarted
  /// 0…1, never decreasing within its group; the cached prefix counts as processed.
  case promptProgress(Double)
  case promptFinished(PromptUsage)
  case reasoningStarted
  case reasoningDelta(String)
  case reasoningFinished
  case messageStarted
  /// Text, and for requests that asked for them the log probabilities of the tokens it came from.
  case messageDelta(String, [TokenLogprob])
  case messageFinished
  /// The call's name is complete and known. Opens a call block.
  case toolCallStarted(ToolCallHead)
  /// A piece of the arguments' JSON text.
  case toolCallArgumentsDelta(String)
  /// The whole arguments. A call for the client ends here; one the server runs goes on to succeeded or failed.
  case toolCallArguments(ToolCall, provider: ToolProviderInfo?)
  /// `isError`: the tool, the connection or the time limit says that the call failed; the output says how.
  case toolCallSucceeded(ToolCall, provider: ToolProviderInfo?, output: String, isError: Bool = false)
  case toolCallFailed(InvalidToolCall)
  case failed(AtelierError)
  case finished(GenerationResult)
}
