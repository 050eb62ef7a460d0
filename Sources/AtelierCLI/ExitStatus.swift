/// What a command's exit status says (docs/commands.md).
package enum ExitStatus: Int32, Sendable {
  case success = 0
  /// It was understood and did not work.
  case failure = 1
  /// The command line itself is wrong.
  case usage = 2
  /// No server answers.
  case noServer = 3
  /// Ctrl-C, as shells count it.
  case interrupted = 130
}
