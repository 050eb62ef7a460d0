/// Encoded images by the content of their files, bounded by the bytes of their rows; the least recently used goes first.
struct ImageCache<Key: Hashable & Sendable>: Sendable {
  private let maxBytes: Int
  private var entries: [Key: (image: EncodedImage, used: UInt64)] = [:]
  private var clock: UInt64 = 0
  private(set) var bytes = 0

  init(maxBytes: Int) { self.maxBytes = maxBytes }

  var count: Int { entries.count }

  mutating func image(for key: Key) -> EncodedImage? {
    guard let entry = entries[key] else { return nil }
    clock += 1
    entries[key] = (entry.image, clock)
    return entry.image
  }

  /// An image too large for the whole cache is not kept.
  mutating func insert(_ image: EncodedImage, for key: Key) {
    guard entries[key] == nil, image.bytes <= maxBytes else { return }
    while bytes + image.bytes > maxBytes, removeOldest() {}
    clock += 1
    entries[key] = (image, clock)
    bytes += image.bytes
  }

  /// False when it is empty.
  @discardableResult
  mutating func removeOldest() -> Bool {
    guard let oldest = entries.min(by: { $0.value.used < $1.value.used }) else { return false }
    bytes -= oldest.value.image.bytes
    entries[oldest.key] = nil
    return true
  }
}
