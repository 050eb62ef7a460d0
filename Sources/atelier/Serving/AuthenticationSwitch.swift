import AtelierCore
import Foundation
import Logging
import Synchronization

/// Whether requests need a token, now: the setting `require_auth`, followed while the server runs when no flag and no variable
/// fixes it. A settings file that is missing or cannot be read changes nothing.
final class AuthenticationSwitch: Sendable {
  private struct State {
    var isOn: Bool
    var stamp: FileStamp?
  }

  private let file: URL
  private let isFixed: Bool
  /// Other machines reach the server, and nobody said that strangers may use it.
  private let mustStayOn: Bool
  private let logger: Logger
  private let state: Mutex<State>

  init(_ resolved: ResolvedSettings, file: URL, mustStayOn: Bool, logger: Logger) {
    self.file = file
    self.mustStayOn = mustStayOn
    self.logger = logger
    isFixed =
      switch resolved.source(of: Self.key) {
      case .flag, .environment: true
      case .file, .builtIn: false
      }
    // Without a stamp the first request reads the file, in case it changed since the start.
    state = Mutex(State(isOn: resolved.settings.requireAuthentication, stamp: nil))
  }

  private static let key = "require_auth"

  var isOn: Bool {
    state.withLock { state in
      guard !isFixed, let stamp = FileStamp(path: file.path(percentEncoded: false)), stamp != state.stamp else {
        return state.isOn
      }
      state.stamp = stamp
      guard let wanted = value(), wanted != state.isOn else { return state.isOn }
      if !wanted, mustStayOn {
        logger.error(
          "Authentication stays on: other machines reach this server, and it was started without --insecure.")
        return true
      }
      state.isOn = wanted
      logger.notice(
        wanted ? "Every request needs an API token from now on." : "No request needs an API token any more.")
      return wanted
    }
  }

  /// What the file says; nil when it cannot be understood.
  private func value() -> Bool? {
    guard let text = try? String(contentsOf: file, encoding: .utf8),
      let settings = try? SettingsFile(parsing: text, path: file.lastPathComponent)
    else {
      logger.error("The settings file cannot be read; authentication stays as it is.")
      return nil
    }
    guard let value = settings.values.last(where: { $0.0 == Self.key })?.1 else {
      return Settings().requireAuthentication
    }
    guard case .bool(let isOn) = value else {
      logger.error("The setting require_auth is neither true nor false; authentication stays as it is.")
      return nil
    }
    return isOn
  }
}
