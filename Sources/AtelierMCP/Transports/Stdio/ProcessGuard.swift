import AtelierCore
import Glibc

/// A tiny process that ends a process group when we are gone, however we went: it waits for the end of a stream whose other
/// end is ours.
struct ProcessGuard: Sendable {
  private let pid: pid_t
  private let stream: Int32

  /// nil when it could not be started.
  init?(group: pid_t) {
    guard let pipe = Pipe() else { return nil }
    defer { close(pipe.theirs) }
    let null = open("/dev/null", O_WRONLY | O_CLOEXEC)
    defer { close(null) }
    let started = ProcessSpawn.start(
      "/bin/sh", words: ["/bin/sh", "-c", "read -r line; kill -KILL -\"$1\"", "atelier-guard", String(group)],
      environment: ["PATH": "/usr/bin:/bin"], directory: "/", descriptors: [pipe.theirs, null, null])
    guard let started else {
      close(pipe.ours)
      return nil
    }
    pid = started
    stream = pipe.ours
  }

  /// The group is gone by itself. It must not act any more: the group's number may belong to others from now on.
  func dismiss() {
    kill(pid, SIGKILL)
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    close(stream)
  }
}
