/// Commands of `lms` that belong to LM Studio's hub and plugins, which Atelier does not have.
package enum UnsupportedCommands {
  private static let names: Set<String> = [
    "link", "login", "logout", "whoami", "push", "clone", "dev", "create", "bootstrap",
  ]

  /// Throws when the arguments, without the program's name, begin with one of them.
  package static func check(_ arguments: some Collection<String>) throws {
    guard let name = arguments.first, names.contains(name) else { return }
    throw CommandFailure("'\(name)' is not part of Atelier.", status: .usage)
  }
}
