import AtelierCore
import AtelierWorkerProtocol
import Foundation
import Glibc

/// The process around a `WorkerSession`.
package enum WorkerProcess {
  /// Where the API process puts the worker's end of the socket pair.
  package static let socketDescriptor: Int32 = 3
  private static let maxDescriptors: rlim_t = 256

  /// Runs a worker on descriptor 3 and ends the process: status 0 when the API process is gone or said so, 1 after a
  /// failure, 2 when started by hand.
  package static func run(load: @escaping WorkerSession.Load) -> Never {
    guard isSocket(socketDescriptor) else { refuse("this program is started by atelier; it has no use of its own") }
    confine()
    let channel = FrameChannel(descriptor: socketDescriptor, side: .worker)
    let status = WorkerSession(channel: channel, load: load).run()
    // No exit handlers: they would free the engine under its running threads.
    _exit(status)
  }

  /// Says why on standard error and ends the process with status 2.
  package static func refuse(_ reason: String) -> Never {
    WorkerLog.error(reason)
    _exit(2)
  }

  /// The worker reads files that strangers made (threat model): it gains no privileges, leaves no core dump with prompts in
  /// it, and opens few descriptors. It dies with its parent by the end of its socket; the kernel's parent-death signal would
  /// not do, since it follows the thread that spawned the worker, not the process.
  private static func confine() {
    signal(SIGPIPE, SIG_IGN)
    // A terminal sends Ctrl-C to the whole group; the API process ends its workers when their answers are done.
    signal(SIGINT, SIG_IGN)
    limit(Int32(RLIMIT_CORE.rawValue), to: 0)
    limit(Int32(RLIMIT_NOFILE.rawValue), to: maxDescriptors)
    if !forbidNewPrivileges() { WorkerLog.error("no_new_privs could not be set") }
  }

  private static func limit(_ resource: Int32, to value: rlim_t) {
    var limits = rlimit(rlim_cur: value, rlim_max: value)
    if setrlimit(__rlimit_resource_t(UInt32(resource)), &limits) != 0 {
      WorkerLog.error("resource limit \(resource) could not be set: \(errno)")
    }
  }

  /// `prctl` is variadic in C, which Swift does not import: it is looked up and called with the registers of its
  /// five-argument form, which all Linux ABIs pass alike.
  private static func forbidNewPrivileges() -> Bool {
    typealias Function = @convention(c) (CInt, CUnsignedLong, CUnsignedLong, CUnsignedLong, CUnsignedLong) -> CInt
    let setNoNewPrivileges: CInt = 38  // PR_SET_NO_NEW_PRIVS of linux/prctl.h
    guard let symbol = dlsym(nil, "prctl") else { return false }
    return unsafeBitCast(symbol, to: Function.self)(setNoNewPrivileges, 1, 0, 0, 0) == 0
  }

  private static func isSocket(_ descriptor: Int32) -> Bool {
    var status = stat()
    return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
  }
}
