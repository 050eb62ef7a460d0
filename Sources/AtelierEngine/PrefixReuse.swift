/// How a model's memory lets prefixes be reused.
package enum PrefixReuse: Sendable, Hashable {
  /// Any prefix, cut anywhere (full attention).
  case anyPrefix
  /// Whole sequences only: the memory cannot be cut back (recurrent, hybrid, sliding window).
  case wholeSequences
}
