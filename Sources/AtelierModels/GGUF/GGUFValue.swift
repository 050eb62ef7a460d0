/// A metadata value as far as lists and estimates need it.
enum GGUFValue: Sendable, Hashable {
  case integer(Int64)
  case number(Double)
  case bool(Bool)
  case string(String)
  /// A short array of integers or booleans (as 0 and 1).
  case integers([Int64])
  /// An array that was stepped over, with its length.
  case skipped(count: Int)
}
