import Foundation

/// The processor time of the calling thread.
enum ThreadClock {
  /// Seconds since the thread's beginning in which it had a core; 0 where the system cannot tell.
  static var seconds: Double {
    var time = timespec()
    guard clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0 else { return 0 }
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
