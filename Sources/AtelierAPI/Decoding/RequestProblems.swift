import AtelierCore

/// Collects what is wrong with one request. The first problem gives code and field; the messages of all are joined, which
/// is what the native API shows and spares a client one round trip per mistake.
///
/// A class, because readers of nested objects report to the list of the whole request. It never leaves one decoding.
final class RequestProblems {
  let wording: ProblemWording
  private var found: [AtelierError] = []

  /// Past this nobody reads on, and a message stays short whatever the request held.
  private static let most = 8

  init(wording: ProblemWording = .quoted) { self.wording = wording }

  var isEmpty: Bool { found.isEmpty }
  var isFull: Bool { found.count >= Self.most }

  func add(_ error: AtelierError) {
    if !isFull { found.append(error) }
  }

  func add(_ code: AtelierError.Code, _ message: String, param: String?) {
    add(AtelierError(code, message, param: param))
  }

  /// Throws if anything was found.
  func check() throws(AtelierError) {
    guard var error = found.first else { return }
    if found.count > 1 { error.message = found.map(\.message).joined(separator: ", ") }
    throw error
  }

  /// For a value that is missing because of a problem.
  func unwrap<Value>(_ value: Value?) throws(AtelierError) -> Value {
    try check()
    guard let value else { throw AtelierError(.invalidValue, "The request is incomplete") }
    return value
  }
}

/// How a vendor's messages point at the field at fault.
enum ProblemWording {
  /// `'top_p' must be between 0 and 1`
  case quoted
  /// `top_p: must be between 0 and 1`
  case dotted

  func missing(_ path: String) -> String {
    switch self {
    case .quoted: "'\(path)' is required"
    case .dotted: "\(path): Field required"
    }
  }

  func wrongType(_ path: String, _ difference: String) -> String {
    switch self {
    case .quoted: "'\(path)': \(difference)"
    case .dotted: "\(path): \(difference)"
    }
  }

  func wrongValue(_ path: String, _ rule: String) -> String {
    switch self {
    case .quoted: "'\(path)' \(rule)"
    case .dotted: "\(path): \(rule)"
    }
  }
}
