import Foundation

/// Starts programs with exactly the descriptors and variables they are given, and with signals as they are by default.
package enum ProcessSpawn {
  /// What the child leads, so that signals for us or our terminal do not reach it.
  package enum Leadership: Sendable, Hashable { case processGroup, session }

  /// `POSIX_SPAWN_SETSID` of glibc's spawn.h.
  private static let newSession = Int16(0x80)

  /// - Parameters:
  ///   - words: the arguments, with the program's name first.
  ///   - directory: nil: our own.
  ///   - descriptors: what the child has as 0, 1, 2 …; nil is an empty input. They stay the caller's.
  /// - Returns: nil when it could not be started.
  package static func start(
    _ executable: String, words: [String], environment: [String: String], directory: String? = nil,
    descriptors: [Int32?], leading leadership: Leadership = .processGroup
  ) -> pid_t? {
    var actions = posix_spawn_file_actions_t()
    var attributes = posix_spawnattr_t()
    guard posix_spawn_file_actions_init(&actions) == 0 else { return nil }
    defer { posix_spawn_file_actions_destroy(&actions) }
    guard posix_spawnattr_init(&attributes) == 0 else { return nil }
    defer { posix_spawnattr_destroy(&attributes) }

    let last = Int32(descriptors.count) - 1
    var lifted: [Int32] = []
    defer { for descriptor in lifted { close(descriptor) } }
    for (place, descriptor) in descriptors.enumerated() {
      guard var descriptor else {
        posix_spawn_file_actions_addopen(&actions, Int32(place), "/dev/null", O_RDONLY, 0)
        continue
      }
      // One whose number is among the child's would be written over before its turn.
      if descriptor <= last {
        descriptor = fcntl(descriptor, F_DUPFD_CLOEXEC, last + 1)
        guard descriptor >= 0 else { return nil }
        lifted.append(descriptor)
      }
      posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(place))
    }
    for descriptor in OpenDescriptors.inheritable(above: last) {
      posix_spawn_file_actions_addclose(&actions, descriptor)
    }

    var all = sigset_t()
    var none = sigset_t()
    sigfillset(&all)
    sigemptyset(&none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes,
      Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK)
        | (leadership == .session ? newSession : Int16(POSIX_SPAWN_SETPGROUP)))

    var executable = executable
    var words = words
    // The call that changes the folder is a GNU extension that Swift's module of glibc does not show.
    if let directory {
      words = ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", directory, executable] + words.dropFirst()
      executable = words[0]
    }
    var texts: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    var variables: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in texts + variables { free(text) } }
    var pid: pid_t = 0
    return posix_spawn(&pid, executable, &actions, &attributes, &texts, &variables) == 0 ? pid : nil
  }
}
