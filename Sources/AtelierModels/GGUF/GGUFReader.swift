/// Reads the header of a GGUF file, version 2 or 3, little endian, without mapping the file and with bounded memory,
/// reading and time whatever the file claims. Format: ggml's docs/gguf.md.
///
/// Also checks that every tensor's data lies within the file, so a half-copied model is an error here and not at load.
package struct GGUFReader {
  private var cursor: GGUFCursor
  private let limits: GGUFLimits
  private var values: [String: GGUFValue] = [:]
  private var kept = 0
  private var tensors = GGUFTensorSummary()

  package static func header(
    ofFileAt path: String, limits: GGUFLimits = .standard
  ) throws(GGUFError) -> GGUFHeader {
    let file = try RandomAccessFile(path: path)
    return try header(from: .file(file), limits: limits)
  }

  /// For a file of `fileSize` bytes that begins with `bytes`.
  package static func header(
    of bytes: [UInt8], fileSize: UInt64? = nil, limits: GGUFLimits = .standard
  ) throws(GGUFError) -> GGUFHeader {
    try header(from: .bytes(bytes, size: fileSize ?? UInt64(bytes.count)), limits: limits)
  }

  private static func header(from source: GGUFCursor.Source, limits: GGUFLimits) throws(GGUFError) -> GGUFHeader {
    var reader = GGUFReader(cursor: GGUFCursor(source, bytesRead: limits.bytesRead), limits: limits)
    return try reader.read()
  }

  private init(cursor: GGUFCursor, limits: GGUFLimits) {
    self.cursor = cursor
    self.limits = limits
  }

  private mutating func read() throws(GGUFError) -> GGUFHeader {
    guard cursor.size >= 4, try cursor.integer(UInt32.self) == 0x4655_4747 else { throw .notGGUF }
    let version = try cursor.integer(UInt32.self)
    if version & 0xFFFF == 0 { throw .bigEndian }
    guard version == 2 || version == 3 else { throw .unsupportedVersion(version) }
    let tensorCount = try cursor.integer(UInt64.self)
    let keyCount = try cursor.integer(UInt64.self)
    guard tensorCount <= UInt64(limits.tensors) else { throw .limitExceeded(.tensors) }
    guard keyCount <= UInt64(limits.metadataKeys) else { throw .limitExceeded(.metadataKeys) }
    for _ in 0..<keyCount { try readPair() }
    for _ in 0..<tensorCount { try readTensor() }
    try checkData()
    return GGUFHeader(version: version, values: values, tensors: tensors)
  }

  // MARK: Metadata

  private mutating func readPair() throws(GGUFError) {
    let key = try name()
    if key.isEmpty { throw .malformed(.emptyKey) }
    let value = try value(for: key)
    try keep(key.utf8.count + 64)
    if values.updateValue(value, forKey: key) != nil { throw .malformed(.duplicateKey) }
  }

  private mutating func name() throws(GGUFError) -> String {
    let length = try cursor.integer(UInt64.self)
    guard length <= UInt64(limits.keyLength) else { throw .limitExceeded(.keyLength) }
    return try cursor.text(length: Int(length))
  }

  private mutating func value(for key: String) throws(GGUFError) -> GGUFValue {
    switch try type() {
    case .string: return try string(for: key)
    case .array: return try array()
    case .float32: return .number(Double(Float(bitPattern: try cursor.integer(UInt32.self))))
    case .float64: return .number(Double(bitPattern: try cursor.integer(UInt64.self)))
    case .bool: return .bool(try cursor.integer(UInt8.self) != 0)
    case let type: return .integer(try integer(type))
    }
  }

  private mutating func type() throws(GGUFError) -> GGUFValueType {
    guard let type = GGUFValueType(rawValue: try cursor.integer(UInt32.self)) else { throw .malformed(.valueType) }
    return type
  }

  /// A `UInt64` beyond `Int64.max` becomes that.
  private mutating func integer(_ type: GGUFValueType) throws(GGUFError) -> Int64 {
    switch type {
    case .uint8, .bool: Int64(try cursor.integer(UInt8.self))
    case .int8: Int64(try cursor.integer(Int8.self))
    case .uint16: Int64(try cursor.integer(UInt16.self))
    case .int16: Int64(try cursor.integer(Int16.self))
    case .uint32: Int64(try cursor.integer(UInt32.self))
    case .int32: Int64(try cursor.integer(Int32.self))
    case .uint64: Int64(clamping: try cursor.integer(UInt64.self))
    case .int64: try cursor.integer(Int64.self)
    case .float32, .float64, .string, .array: throw .malformed(.valueType)
    }
  }

  private mutating func string(for key: String) throws(GGUFError) -> GGUFValue {
    let length = try cursor.integer(UInt64.self)
    let longest = key == GGUFHeader.chatTemplateKey ? limits.chatTemplateLength : limits.keptStringLength
    guard length <= UInt64(longest) else {
      try cursor.skip(length)
      return .skipped(count: 1)
    }
    try keep(Int(length))
    return .string(try cursor.text(length: Int(length)))
  }

  private mutating func array() throws(GGUFError) -> GGUFValue {
    let element = try type()
    let count = try cursor.integer(UInt64.self)
    guard count <= UInt64(limits.arrayElements) else { throw .limitExceeded(.arrayElements) }
    switch element {
    case .array: throw .malformed(.nestedArray)
    case .string: try cursor.skipStrings(count)
    case .float32, .float64: try cursor.skip(count * UInt64(element.width ?? 0))
    case _ where count > UInt64(limits.keptArrayElements): try cursor.skip(count * UInt64(element.width ?? 0))
    default:
      try keep(Int(count) * 8)
      var numbers: [Int64] = []
      for _ in 0..<count { numbers.append(try integer(element)) }
      return .integers(numbers)
    }
    return .skipped(count: Int(count))
  }

  private mutating func keep(_ bytes: Int) throws(GGUFError) {
    kept += bytes
    if kept > limits.keptBytes { throw .limitExceeded(.keptBytes) }
  }

  // MARK: Tensors

  private mutating func readTensor() throws(GGUFError) {
    let name = try name()
    let dimensions = try cursor.integer(UInt32.self)
    guard dimensions <= 4 else { throw .malformed(.tensorShape) }
    var elements: UInt64 = 1
    var row: UInt64 = 1
    for place in 0..<dimensions {
      let length = try cursor.integer(UInt64.self)
      if place == 0 { row = length }
      let (product, overflow) = elements.multipliedReportingOverflow(by: length)
      guard !overflow, product <= 1 << 56 else { throw .malformed(.tensorShape) }
      elements = product
    }
    let block = GGMLType.block(try cursor.integer(UInt32.self))
    let offset = try cursor.integer(UInt64.self)
    var bytes: UInt64 = 0
    if let block {
      guard row % block.values == 0 else { throw .malformed(.tensorShape) }
      bytes = elements / block.values * block.bytes
    }
    let (end, overflow) = offset.addingReportingOverflow(bytes)
    guard !overflow else { throw .malformed(.tensorOffset) }
    tensors.add(name: name, elements: Int64(elements), end: end)
  }

  private func checkData() throws(GGUFError) {
    guard tensors.count > 0 else { return }
    var alignment: UInt64 = 32
    if case .integer(let given) = values["general.alignment"] {
      guard given > 0, given & (given - 1) == 0, given <= 1 << 30 else { throw .malformed(.alignment) }
      alignment = UInt64(given)
    }
    let start = (cursor.offset + alignment - 1) / alignment * alignment
    let (end, overflow) = start.addingReportingOverflow(tensors.dataEnd)
    if overflow || end > cursor.size { throw .truncated }
  }
}
