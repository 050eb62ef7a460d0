import AtelierCore

/// A place at the instance that will answer.
struct ModelReservation: Sendable {
  enum Outcome: Sendable {
    case ready(ModelLease)
    /// Ends with `.ready` or `.failed`. Dropping it gives the place up; the load goes on, the next request will want it.
    case loading(AsyncStream<LoadStep>)
  }

  /// Fixed from the beginning, also while the model is still to be loaded.
  var selection: InstanceSelection
  var outcome: Outcome
}
