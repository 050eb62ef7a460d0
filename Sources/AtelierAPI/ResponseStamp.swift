import AtelierCore
import Foundation

/// What makes one answer's envelope unlike another's. Passed in, so that dialects stay functions of their inputs.
package struct ResponseStamp: Sendable, Hashable {
  /// Seconds since 1970.
  package var created: Int64
  /// 24 base-36 characters; dialects cut and prefix it to their own form of id.
  package var token: String

  package init(created: Int64, token: String) {
    self.created = created
    self.token = token
  }

  package static func now() -> ResponseStamp {
    ResponseStamp(created: Int64(Date().timeIntervalSince1970), token: RandomText.base36(24))
  }
}
