import Foundation

/// Draws a progress line over itself on standard error, where that is a terminal; elsewhere nothing.
final class ProgressDisplay {
  private let isShown: Bool
  private var tick = 0
  private var isDrawn = false

  init(isShown: Bool) { self.isShown = isShown && Terminal.errorIsTerminal }

  func show(_ line: ProgressLine) {
    guard isShown else { return }
    let text = line.text(width: Terminal.width, tick: tick, isUnicode: Terminal.isUnicode)
    Output.write("\r\(text)\u{1B}[K", to: STDERR_FILENO)
    tick += 1
    isDrawn = true
  }

  /// Takes the line away.
  func clear() {
    if isDrawn { Output.write("\r\u{1B}[K", to: STDERR_FILENO) }
    isDrawn = false
  }
}
