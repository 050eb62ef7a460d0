import AtelierCore
import CSandbox
import Foundation
import Glibc

/// What the worker gives up before it reads files that strangers made (threat model). What the kernel does not know is
/// left out and said in the log: the process boundary itself stands in any case.
enum Isolation {
  private static let maxDescriptors: rlim_t = 256
  /// Beside the estimate: the program, its threads' stacks, the allocator's arenas, and what the estimate does not know.
  private static let spareAddressSpace: UInt64 = 8 << 30

  /// At the process's start, before it has other threads. `firstDescriptor` and those after it are closed. `writable`: what
  /// may be written all the same; an engine on a graphics processor names its device nodes there.
  static func begin(firstDescriptor: Int32, writable: [String]) {
    note(atelier_sandbox_close_from(firstDescriptor), "descriptors could not be closed")
    signal(SIGPIPE, SIG_IGN)
    // A terminal sends Ctrl-C to the whole group; the API process ends its workers when their answers are done.
    signal(SIGINT, SIG_IGN)
    // The thread that started this process waits for its end and for nothing else, so its end is the API process's.
    note(atelier_sandbox_die_with_parent(), "the worker does not end with its parent's thread, only with its socket")
    limit(Int32(RLIMIT_CORE.rawValue), to: 0)
    limit(Int32(RLIMIT_NOFILE.rawValue), to: maxDescriptors)
    note(atelier_sandbox_no_new_privileges(), "no_new_privs could not be set")
    let paths = writable.map { strdup($0) }
    defer { for path in paths { free(path) } }
    let landlock = paths.map { UnsafePointer($0) }.withUnsafeBufferPointer {
      atelier_sandbox_forbid_writes($0.baseAddress, $0.count)
    }
    note(landlock, "the kernel has no Landlock, so writing is forbidden by the system-call filter alone")
    note(
      atelier_sandbox_filter_calls(writable.isEmpty ? 1 : 0),
      "there is no system-call filter, so network and programs are not forbidden")
  }

  /// Before the model is opened. `estimate`: bytes the model is expected to take.
  static func limitMemory(estimate: Int64) {
    let (bytes, overflow) = UInt64(max(0, estimate)).multipliedReportingOverflow(by: 2)
    guard !overflow, bytes < UInt64.max / 2 else { return }
    note(atelier_sandbox_limit_address_space(bytes + spareAddressSpace), "the address space could not be limited")
  }

  /// For the check of the isolation from inside: confines this process as `begin` does, tries what is to be impossible and
  /// what is not, and returns by name the `errno` of each, 0 where it worked. Writes are tried in `folder` and in the
  /// folder `scratch` within it, which is writable.
  static func check(in folder: String) -> JSONObject {
    begin(firstDescriptor: 3, writable: CommandLine.arguments.contains("--scratch") ? [folder + "/scratch"] : [])
    limitMemory(estimate: 0)
    var result: JSONObject = [:]
    for name in [
      "socket", "unix_socket", "exec", "fork", "ptrace", "mount", "kill", "terminal", "owner", "priority",
      "scheduling", "io_uring", "thread", "memory",
    ] { result[name] = .integer(Int64(atelier_sandbox_attempt(name, ""))) }
    for name in ["write", "mode", "remove", "read"] {
      result[name] = .integer(Int64(atelier_sandbox_attempt(name, folder + "/file")))
    }
    result["write_scratch"] = .integer(Int64(atelier_sandbox_attempt("write", folder + "/scratch/made")))
    return result
  }

  private static func limit(_ resource: Int32, to value: rlim_t) {
    var limits = rlimit(rlim_cur: value, rlim_max: value)
    if setrlimit(__rlimit_resource_t(UInt32(resource)), &limits) != 0 {
      note(errno, "resource limit \(resource) could not be set")
    }
  }

  private static func note(_ failure: Int32, _ what: String) {
    if failure != 0 { WorkerLog.error("\(what) (\(String(cString: strerror(failure))))") }
  }
}
