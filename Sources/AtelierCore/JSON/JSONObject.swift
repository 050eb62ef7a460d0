/// The members of a JSON object in the order they were written. Duplicate keys: the last value wins, at the place of the first.
///
/// Small objects are searched linearly; past 16 members an index by key is kept.
package struct JSONObject: Sendable {
  package private(set) var keys: [String] = []
  package private(set) var values: [JSONValue] = []
  private var index: [String: Int] = [:]

  private static let indexThreshold = 16

  package init() {}

  package init(_ members: some Sequence<(String, JSONValue)>) {
    for (key, value) in members { self[key] = value }
  }

  package var count: Int { keys.count }
  package var isEmpty: Bool { keys.isEmpty }

  private func position(of key: String) -> Int? {
    keys.count > Self.indexThreshold ? index[key] : keys.firstIndex(of: key)
  }

  /// Reading gives nil for an absent member; writing nil removes it.
  package subscript(key: String) -> JSONValue? {
    get { position(of: key).map { values[$0] } }
    set {
      switch (position(of: key), newValue) {
      case (let place?, let value?): values[place] = value
      case (let place?, nil):
        keys.remove(at: place)
        values.remove(at: place)
        rebuildIndex()
      case (nil, let value?):
        keys.append(key)
        values.append(value)
        if keys.count == Self.indexThreshold + 1 {
          rebuildIndex()
        } else if keys.count > Self.indexThreshold {
          index[key] = keys.count - 1
        }
      case (nil, nil): break
      }
    }
  }

  private mutating func rebuildIndex() {
    index = [:]
    guard keys.count > Self.indexThreshold else { return }
    for (place, key) in keys.enumerated() { index[key] = place }
  }
}

extension JSONObject: Sequence {
  package func makeIterator() -> Zip2Sequence<[String], [JSONValue]>.Iterator { zip(keys, values).makeIterator() }
}

extension JSONObject: Hashable {
  package static func == (left: Self, right: Self) -> Bool { left.keys == right.keys && left.values == right.values }
  package func hash(into hasher: inout Hasher) {
    hasher.combine(keys)
    hasher.combine(values)
  }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral elements: (String, JSONValue)...) { self.init(elements) }
}
