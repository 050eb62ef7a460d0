import AtelierCore
import AtelierWorkerProtocol
import Foundation
import Glibc

/// The process around a `WorkerSession`.
package enum WorkerProcess {
  /// Where the API process puts the worker's end of the socket pair.
  package static let socketDescriptor: Int32 = 3

  /// Runs a worker on descriptor 3 and ends the process: status 0 when the API process is gone or said so, 1 after a
  /// failure, 2 when started by hand. `writable`: files and folders the engine has to write, such as device nodes.
  package static func run(writable: [String] = [], load: @escaping WorkerSession.Load) -> Never {
    if CommandLine.arguments.count > 2, CommandLine.arguments[1] == "--check-isolation" {
      print(JSONValue.object(Isolation.check(in: CommandLine.arguments[2])).serialized())
      exit(0)
    }
    guard isSocket(socketDescriptor) else { refuse("this program is started by atelier; it has no use of its own") }
    Isolation.begin(firstDescriptor: socketDescriptor + 1, writable: writable)
    let channel = FrameChannel(descriptor: socketDescriptor, side: .worker)
    let status = WorkerSession(
      channel: channel, limitMemory: { Isolation.limitMemory(estimate: $0) }, load: load
    ).run()
    // No exit handlers: they would free the engine under its running threads.
    _exit(status)
  }

  /// Says why on standard error and ends the process with status 2.
  package static func refuse(_ reason: String) -> Never {
    WorkerLog.error(reason)
    _exit(2)
  }

  private static func isSocket(_ descriptor: Int32) -> Bool {
    var status = stat()
    return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
  }
}
