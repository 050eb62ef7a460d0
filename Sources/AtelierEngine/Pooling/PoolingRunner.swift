/// Below the `PoolingScheduler`: a model that turns whole inputs into one vector each, synchronous, used by one thread
/// only. The real one wraps llama.cpp's encoders; tests use a scripted one.
///
/// One call computes *lanes*: batches that go side by side, each on its share of the processor. Threads that compute one
/// batch together wait for each other after every operation; those of different lanes only at the end of the call.
package protocol PoolingRunner: AnyObject {
  /// Lanes of one call, at least 1.
  var laneCount: Int { get }
  /// Tokens in a lane beyond which a larger batch is no faster.
  var rowsPerLane: Int { get }
  /// Tokens of the longest input that goes beside others, at least `rowsPerLane`; a longer one takes the call for itself.
  var maxRowsPerLane: Int { get }
  /// Inputs in a lane at most.
  var inputsPerLane: Int { get }
  /// Tokens of an input at most.
  var maxInputTokens: Int { get }

  /// One vector per input, in the shape of `lanes`: at most `laneCount` of them, the empty ones last. Neighbours do not
  /// matter to a vector; nothing of the inputs is kept.
  func pool(_ lanes: [[[Int32]]]) throws(RunnerError) -> [[[Float]]]
}
