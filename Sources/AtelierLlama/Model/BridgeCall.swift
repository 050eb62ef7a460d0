import CLlamaBridge
import Foundation

/// What the C bridge said about a failure. Library text: for logs, or to be shown only where it speaks of the client's
/// own input.
struct BridgeFailure: Error, Sendable {
  var message: String
}

/// Calls a bridge function that returns a pointer, and takes over its error message.
func bridgeCall<Pointer>(
  _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Pointer?
) -> Result<Pointer, BridgeFailure> {
  var error: UnsafeMutablePointer<CChar>?
  let result = body(&error)
  defer { atelier_text_free(error) }
  if let result { return .success(result) }
  return .failure(BridgeFailure(message: error.map { String(cString: $0) } ?? "out of memory"))
}

/// The same for a function that says whether it succeeded.
func bridgeFlag(
  _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Bool
) -> Result<Void, BridgeFailure> {
  bridgeCall { body($0) ? true : nil }.map { _ in }
}

/// The same for a function that returns text.
func bridgeText(
  _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> UnsafeMutablePointer<CChar>?
) -> Result<String, BridgeFailure> {
  bridgeCall(body).map { text in
    defer { atelier_text_free(text) }
    return String(cString: text)
  }
}

/// Passes texts as a C array that lives as long as the call.
func withCStrings<Result>(
  _ texts: [String], _ body: (UnsafeBufferPointer<UnsafePointer<CChar>?>) -> Result
) -> Result {
  let copies = texts.map { strdup($0) }
  defer { copies.forEach { free($0) } }
  return copies.map { UnsafePointer<CChar>($0) }.withUnsafeBufferPointer { body($0) }
}
