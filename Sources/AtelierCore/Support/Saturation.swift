extension FixedWidthInteger {
  /// The sum, or the nearest value that the type has; for sizes that others tell.
  package func addingSaturating(_ other: Self) -> Self {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? (other < 0 ? .min : .max) : sum
  }
}

extension Sequence<Int64> {
  package var saturatingSum: Int64 { reduce(0) { $0.addingSaturating($1) } }
}
