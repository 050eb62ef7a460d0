/// Text that must not be printed: tokens, credentials, header values. Every text form of it is a placeholder; the value is
/// read by name, where it is used.
package struct Secret: Sendable, Hashable {
  package let value: String

  package init(_ value: String) { self.value = value }
}

extension Secret: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { "[redacted]" }
  package var debugDescription: String { description }
  package var customMirror: Mirror { Mirror(self, children: EmptyCollection<Mirror.Child>()) }
}
