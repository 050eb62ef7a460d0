import AtelierCore
import Foundation

/// Shows a streamed answer as it comes: the message on standard output, everything else on standard error.
final class ChatPrinter {
  private let display: ProgressDisplay
  private let showsReasoning: Bool
  /// Control characters are for terminals to obey, so a terminal gets none; a file gets what the model wrote.
  private let isTerminal = Terminal.outputIsTerminal
  private(set) var result: JSONValue?
  private var endsLine = true

  init(isQuiet: Bool) {
    display = ProgressDisplay(isShown: !isQuiet)
    showsReasoning = !isQuiet && Terminal.errorIsTerminal
  }

  /// Throws what the server reports as an error.
  func take(_ event: JSONValue) throws {
    switch event["type"]?.stringValue {
    case "model_load.progress": show("Loading", event)
    case "prompt_processing.progress": show("Reading", event)
    case "reasoning.start": display.clear()
    case "reasoning.delta": if showsReasoning { dim(event["content"]?.stringValue ?? "") }
    case "reasoning.end": if showsReasoning { Output.write("\n\n", to: STDERR_FILENO) }
    case "message.start": display.clear()
    case "message.delta": write(event["content"]?.stringValue ?? "")
    case "error":
      finish()
      throw CommandFailure(
        event["error"]?["message"]?.stringValue ?? "The answer failed.", code: event["error"]?["code"]?.stringValue)
    case "chat.end":
      finish()
      result = event["result"]
    default: break
    }
  }

  /// Ends the line that the answer, or what is there of it, left open.
  func finish() {
    display.clear()
    if !endsLine { Output.write("\n", to: STDOUT_FILENO) }
    endsLine = true
  }

  private func show(_ label: String, _ event: JSONValue) {
    guard let progress = event["progress"]?.doubleValue else { return }
    if progress >= 1 { display.clear() } else { display.show(ProgressLine(label: label, fraction: progress)) }
  }

  private func write(_ text: String) {
    display.clear()
    let text = isTerminal ? HumanText.lines(text) : text
    guard !text.isEmpty else { return }
    Output.write(text, to: STDOUT_FILENO)
    endsLine = text.hasSuffix("\n")
  }

  private func dim(_ text: String) { Output.write("\u{1B}[2m\(HumanText.lines(text))\u{1B}[0m", to: STDERR_FILENO) }
}
