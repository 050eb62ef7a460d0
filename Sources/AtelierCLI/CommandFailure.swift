/// Why a command failed; shown to the person as it is.
package struct CommandFailure: Error, CustomStringConvertible {
  package let description: String
  package let status: ExitStatus
  /// The server's error code, where it was the server that refused.
  package let code: String?

  package init(_ description: String, status: ExitStatus = .failure, code: String? = nil) {
    self.description = description
    self.status = status
    self.code = code
  }
}
