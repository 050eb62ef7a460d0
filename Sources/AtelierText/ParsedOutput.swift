/// What an `OutputParser` is certain of.
package enum ParsedOutput: Sendable, Hashable {
  case reasoning(String)
  case message(String)
  /// A call's name is complete.
  case toolCallStarted(index: Int, id: String, name: String)
  case toolCallArguments(index: Int, text: String)
  case toolCallFinished(index: Int)
}
