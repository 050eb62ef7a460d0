/// What a prompt is rendered for.
package enum PromptUse: Sendable {
  /// Its length only: pictures are measured by what their headers say, and not decoded. `RenderedPrompt.media` is empty.
  case counting
  /// An answer. Asked before each picture is decoded; when it says no, rendering ends with `cancelled`.
  case generating(proceed: @Sendable () -> Bool)
}
