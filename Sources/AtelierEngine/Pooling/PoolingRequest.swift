/// Inputs that shall become one vector each. Every input enters one step whole: pooling needs all its tokens at once.
package struct PoolingRequest: Sendable {
  /// Chosen by the caller, unique among live requests.
  package var id: UInt64
  /// Token ids.
  package var inputs: [[Int32]]

  package init(id: UInt64, inputs: [[Int32]]) {
    self.id = id
    self.inputs = inputs
  }
}
