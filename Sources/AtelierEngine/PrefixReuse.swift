/// How a model's memory lets prefixes be reused.
package enum PrefixReuse: Sendable, Hashable {
  /// Any prefix, cut anywhere (full attention).
  case anyPrefix
  /// Part of the memory cannot be cut back (recurrent, hybrid, sliding window): a prefix is reused where a checkpoint of
  /// that part was saved, or as a whole sequence that is continued.
  case checkpoints(CheckpointLimits)
}
