import ArgumentParser
import Foundation

/// The end of a command that threw: help goes to standard output, everything else to standard error.
package enum CommandExit {
  package static func end(_ error: any Error, of command: any ParsableCommand.Type) -> Never {
    let status = status(of: error, for: command)
    if let failure = error as? CommandFailure {
      // What a person wanted is no error.
      if failure.status == .interrupted, !failure.description.isEmpty {
        Output.warn(failure.description)
      } else {
        Output.complain(failure.description)
      }
    } else {
      let message = command.fullMessage(for: error)
      if status == ExitStatus.success.rawValue { print(message) } else if !message.isEmpty { Output.warn(message) }
    }
    exit(status)
  }

  static func status(of error: any Error, for command: any ParsableCommand.Type) -> Int32 {
    if let failure = error as? CommandFailure { return failure.status.rawValue }
    let code = command.exitCode(for: error)
    return code == .validationFailure ? ExitStatus.usage.rawValue : code.rawValue
  }
}
