/// Why a file is no model that can be listed. Descriptions are for logs and hold no path.
package enum GGUFError: Error, Sendable, Hashable {
  case unreadable(errno: Int32)
  case notARegularFile
  case notGGUF
  case bigEndian
  case unsupportedVersion(UInt32)
  /// The file ends inside the header or before the last tensor's data.
  case truncated
  case malformed(Fault)
  case limitExceeded(Limit)

  package enum Fault: String, Sendable, Hashable {
    case emptyKey = "an empty metadata key"
    case duplicateKey = "a metadata key given twice"
    case valueType = "an unknown metadata type"
    case nestedArray = "an array of arrays"
    case alignment = "an alignment that is no power of two"
    case tensorShape = "an impossible tensor shape"
    case tensorOffset = "an impossible tensor offset"
  }

  package enum Limit: String, Sendable, Hashable {
    case metadataKeys = "metadata keys"
    case keyLength = "bytes in a metadata key"
    case arrayElements = "array elements"
    case keptBytes = "bytes of metadata"
    case tensors = "tensors"
    case bytesRead = "header bytes"
  }
}

extension GGUFError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .unreadable(let code): "cannot be read (errno \(code))"
    case .notARegularFile: "not a regular file"
    case .notGGUF: "not a GGUF file"
    case .bigEndian: "a big-endian GGUF file"
    case .unsupportedVersion(let version): "GGUF version \(version) is not supported"
    case .truncated: "the file is shorter than its header says"
    case .malformed(let fault): "malformed GGUF header: \(fault.rawValue)"
    case .limitExceeded(let limit): "GGUF header with too many \(limit.rawValue)"
    }
  }
}
