import AtelierCore
import AtelierEgress

/// One server of mcp.json, in Cursor's notation (native.md 13.2).
package struct MCPServerEntry: Sendable, Hashable {
  package enum Kind: Sendable, Hashable {
    case program(ServerCommand)
    case remote(url: WebAddress, headers: [Header])
  }

  package struct Header: Sendable, Hashable {
    package var name: String
    package var value: Secret
  }

  /// Why an entry cannot be used. Holds no value of it.
  package struct Problem: Error, Sendable, Hashable, CustomStringConvertible {
    package var description: String
  }

  package var label: String
  package var kind: Kind
  /// Of a call without progress; nil: the server's setting.
  package var timeout: Duration?
  package var isDisabled: Bool

  private static let longestLabel = 128
  private static let timeouts = 1...3_600_000

  /// Keys that are not known are ignored: other programs share the file.
  package init(label: String, _ value: JSONValue) throws(Problem) {
    guard !label.isEmpty, label.utf8.count <= Self.longestLabel else {
      throw Problem(description: "a label must have 1 to \(Self.longestLabel) bytes")
    }
    guard let members = value.objectValue else { throw Problem(description: "must be an object") }
    let fields = members.filter { !$1.isNull }.reduce(into: JSONObject()) { $0[$1.0] = $1.1 }
    self.label = label
    switch (fields["command"], fields["url"]) {
    case (let command?, nil): kind = .program(try Self.program(command, fields))
    case (nil, let url?): kind = try Self.remote(url, fields)
    default: throw Problem(description: "must have either 'command' or 'url'")
    }
    timeout = nil
    if let value = fields["timeout"] {
      guard let milliseconds = value.integerValue, Self.timeouts.contains(milliseconds) else {
        throw Problem(description: "'timeout' must be milliseconds, 1…3600000")
      }
      timeout = .milliseconds(milliseconds)
    }
    isDisabled = fields["disabled"] == true
  }

  private static func program(_ value: JSONValue, _ fields: JSONObject) throws(Problem) -> ServerCommand {
    guard let command = value.stringValue, !command.isEmpty, isText(command) else {
      throw Problem(description: "'command' must be a text")
    }
    var program = ServerCommand(command: command)
    if let arguments = fields["args"] {
      guard let texts = arguments.arrayValue?.map(\.stringValue), texts.allSatisfy({ $0.map(isText) ?? false }) else {
        throw Problem(description: "'args' must be a list of texts")
      }
      program.arguments = texts.compactMap(\.self)
    }
    if let environment = fields["env"] {
      guard let members = environment.objectValue else { throw Problem(description: "'env' must be an object") }
      for (name, value) in members {
        guard let text = scalar(value), isText(text), isText(name), !name.isEmpty, !name.contains("=") else {
          throw Problem(description: "'env' must hold texts")
        }
        program.environment[name] = Secret(text)
      }
    }
    if let directory = fields["cwd"] {
      guard let path = directory.stringValue, !path.isEmpty, isText(path) else {
        throw Problem(description: "'cwd' must be a path")
      }
      program.directory = path
    }
    return program
  }

  private static func remote(_ value: JSONValue, _ fields: JSONObject) throws(Problem) -> Kind {
    guard let url = value.stringValue.flatMap({ WebAddress($0) }) else {
      throw Problem(description: "'url' must be an http or https address")
    }
    var headers: [Header] = []
    if let value = fields["headers"] {
      guard let members = value.objectValue else { throw Problem(description: "'headers' must be an object") }
      for (name, value) in members {
        guard let text = value.stringValue else { throw Problem(description: "'headers' must hold texts") }
        headers.append(Header(name: name, value: Secret(text)))
      }
    }
    return .remote(url: url, headers: headers)
  }

  private static func scalar(_ value: JSONValue) -> String? {
    switch value {
    case .string(let text): text
    case .integer, .number, .bool: value.serialized()
    case .null, .array, .object: nil
    }
  }

  private static func isText(_ text: String) -> Bool { !text.utf8.contains(0) }
}
