import AtelierCore

/// What happens on the way to a lease.
enum LoadStep: Sendable {
  /// `started` and `progress` come only to the request that caused the load.
  case started
  case progress(Double)
  /// Seconds of loading, for the request that caused it.
  case ready(ModelLease, seconds: Double?)
  case failed(AtelierError)
}
