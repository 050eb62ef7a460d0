import AtelierCore
import Foundation

/// What makes one answer's envelope unlike another's. Passed in, so that dialects stay functions of their inputs.
package struct ResponseStamp: Sendable, Hashable {
  /// Seconds since 1970.
  package var created: Int64
  /// 24 base-36 characters; dialects cut and prefix it to their own form of id.
  package var token: String
  /// Of the exchange's headers, for dialects that repeat it in bodies; empty when there is none.
  package var requestID: String
  /// For dialects whose answers may be stored and show their id from the beginning.
  package var responseID: String
  /// For dialects that give the client sealed copies to keep; without one they give none and trust none.
  package var seal: ReasoningSeal?

  package init(
    created: Int64, token: String, requestID: String = "", responseID: String = ResponseID.prefix + "0",
    seal: ReasoningSeal? = nil
  ) {
    self.created = created
    self.token = token
    self.requestID = requestID
    self.responseID = responseID
    self.seal = seal
  }

  package static func now(requestID: String = "", seal: ReasoningSeal? = nil) -> ResponseStamp {
    ResponseStamp(
      created: Int64(Date().timeIntervalSince1970), token: RandomText.base36(24), requestID: requestID,
      responseID: ResponseID.generate(), seal: seal)
  }
}
