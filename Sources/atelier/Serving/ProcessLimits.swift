import Foundation

/// What the server asks of its own process before it begins.
enum ProcessLimits {
  /// Descriptors: connections take one each, and the limit most systems begin with is below what is served at once.
  /// Workers get limits of their own.
  private static let descriptors: rlim_t = 16_384

  static func prepare() {
    // A file that may not grow is an error to be answered, not the end of the process.
    signal(SIGXFSZ, SIG_IGN)
    #if canImport(Glibc)
      let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #else
      let resource = RLIMIT_NOFILE
    #endif
    var limit = rlimit()
    guard getrlimit(resource, &limit) == 0, limit.rlim_cur < descriptors else { return }
    limit.rlim_cur = min(limit.rlim_max, descriptors)
    setrlimit(resource, &limit)
  }
}
