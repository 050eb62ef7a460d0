/// How much of what idle sequences computed is moved out of the cells into host memory, and when.
///
/// Attention looks at every cell in use, also at those of sequences that nobody continues, so idle ones make every step of
/// the others slower. Bringing them back costs a copy, computing them anew a prompt.
package struct ParkingLimits: Sendable, Hashable {
  /// Bytes in host memory at most.
  package var bytes: Int
  /// Of one cell; 0: not known beforehand.
  package var cellBytes: Int
  /// Cells that idle sequences may keep while others generate.
  package var idleCells: Int
  /// Cells for which a copy out or back pays.
  package var worth: Int

  package init(bytes: Int, cellBytes: Int = 0, idleCells: Int = 256, worth: Int = 32) {
    self.bytes = max(0, bytes)
    self.cellBytes = max(0, cellBytes)
    self.idleCells = max(0, idleCells)
    self.worth = max(1, worth)
  }
}
