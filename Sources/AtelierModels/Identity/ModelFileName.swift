import Foundation

/// What a model file's name says: model, quantization and shard (native.md 15.2).
struct ModelFileName: Sendable, Hashable {
  struct Shard: Sendable, Hashable {
    var number: Int
    var count: Int
  }

  /// The name without extension, shard suffix, quantization and `-gguf`, in its own case; may be empty.
  var base: String
  /// As written, upper case: `Q4_K_M`, `UD-Q4_K_XL`.
  var quantization: String?
  /// `-00002-of-00005` gives 2 of 5.
  var shard: Shard?
  /// A projector by its name; the header decides too.
  var isProjector: Bool

  /// nil when the name does not end in `.gguf` (any case).
  init?(_ fileName: String) {
    guard fileName.count > 5, fileName.lowercased().hasSuffix(".gguf") else { return nil }
    var stem = fileName.dropLast(5)
    shard = Self.takeShard(&stem)
    let lowered = stem.lowercased()
    isProjector = lowered.hasPrefix("mmproj") || lowered.contains("-mmproj") || lowered.contains(".mmproj")
    (base, quantization) = Self.split(stem)
  }

  /// The key's text: lower case, `.` kept, spaces and the characters that keys give a meaning (`@ : /`) turned to `-`.
  static func key(from base: String) -> String {
    String(base.lowercased().map { $0.isWhitespace || "@:/".contains($0) ? "-" : $0 })
  }

  /// A repository folder's name without `-GGUF` and quantization.
  static func base(ofRepository name: String) -> String { split(name[...]).base }

  private static func takeShard(_ stem: inout Substring) -> Shard? {
    // -00001-of-00003
    let suffix = stem.suffix(15)
    guard suffix.count == 15, suffix.first == "-" else { return nil }
    let parts = suffix.dropFirst().split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 3, parts[1] == "of", parts[0].count == 5, parts[2].count == 5,
      parts[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      parts[2].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
      let number = Int(parts[0]), let count = Int(parts[2]), count >= 1, (1...count).contains(number)
    else { return nil }
    stem = stem.dropLast(15)
    return Shard(number: number, count: count)
  }

  /// Cuts out the last word that names a quantization, with a maker's mark before it, and a `gguf` word at the end.
  private static func split(_ stem: Substring) -> (base: String, quantization: String?) {
    var stem = stem
    dropWord("gguf", &stem)
    let separators: Set<Character> = ["-", ".", " "]
    var words: [Range<Substring.Index>] = []
    var start = stem.startIndex
    for place in stem.indices where separators.contains(stem[place]) {
      words.append(start..<place)
      start = stem.index(after: place)
    }
    words.append(start..<stem.endIndex)
    guard let place = words.lastIndex(where: { QuantizationName.matches(stem[$0]) }) else { return (String(stem), nil) }
    var first = place
    var name = stem[words[place]].uppercased()
    if place > 0 {
      switch stem[words[place - 1]].lowercased() {
      case "ud":
        name = "UD-" + name
        first -= 1
      case "i1": first -= 1
      default: break
      }
    }
    let head = first > 0 ? stem[..<words[first - 1].upperBound] : stem[..<stem.startIndex]
    let tail = stem[words[place].upperBound...]
    var base = head.isEmpty ? tail.drop { separators.contains($0) } : (head + tail)[...]
    dropWord("gguf", &base)
    return (String(base), name)
  }

  private static func dropWord(_ word: String, _ text: inout Substring) {
    guard text.lowercased().hasSuffix(word) else { return }
    let rest = text.dropLast(word.count)
    if rest.isEmpty {
      text = rest
    } else if let mark = rest.last, "-._ ".contains(mark) {
      text = rest.dropLast()
    }
  }
}
