import AtelierModels
import Foundation
import Synchronization

/// A disk whose call number `failing`, counted from 0, fails; `lasting`: and every one after it.
package final class FailingFiles: Sendable {
  private let made = Mutex<[FileCalls.Call]>([])
  private let failing: Int?
  private let code: Int32
  private let lasting: Bool

  /// `failing`: nil only counts.
  package init(failing: Int? = nil, with code: Int32 = ENOSPC, lasting: Bool = false) {
    self.failing = failing
    self.code = code
    self.lasting = lasting
  }

  package var calls: FileCalls {
    FileCalls { [self] call in
      let number = made.withLock { made in
        made.append(call)
        return made.count - 1
      }
      guard let failing else { return 0 }
      return number == failing || (lasting && number > failing) ? code : 0
    }
  }

  /// In order, those that failed included.
  package var log: [FileCalls.Call] { made.withLock(\.self) }
}
