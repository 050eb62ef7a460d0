/// Ids of stored responses: `resp_` and 48 lowercase hexadecimal digits, from the system's generator.
package enum ResponseID {
  package static let prefix = "resp_"

  package static func generate() -> String { prefix + RandomText.hexadecimal(48) }
}
