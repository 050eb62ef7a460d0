/// Bounds on a GGUF header, far above what real models use (some 40 keys, 262,144 tokens, 3,000 tensors, 20 MB).
package struct GGUFLimits: Sendable, Hashable {
  package var metadataKeys = 4096
  /// Bytes.
  package var keyLength = 1024
  package var arrayElements = 8 << 20
  /// Elements of a numeric array that is kept (per-layer values); longer ones are stepped over.
  package var keptArrayElements = 1024
  /// Bytes of a kept string; longer ones are stepped over.
  package var keptStringLength = 64 << 10
  package var chatTemplateLength = 1 << 20
  /// Bytes of all kept keys and values together.
  package var keptBytes = 4 << 20
  package var tensors = 65_536
  /// Bytes read from the file in all.
  package var bytesRead = 128 << 20

  package init() {}

  package static let standard = GGUFLimits()
}
