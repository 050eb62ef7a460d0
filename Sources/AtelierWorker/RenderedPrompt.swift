import AtelierEngine
import AtelierText

/// A chat turned into what the engine needs.
package struct RenderedPrompt: Sendable {
  package var tokens: [Int32]
  /// The pictures among the tokens, in order.
  package var media: [MediaSpan]
  package var grammar: GrammarConstraint?
  /// Stop strings of the template, besides the request's own.
  package var additionalStops: [String]
  /// Special tokens whose text the parser needs to see.
  package var preservedTokens: Set<Int32>
  /// Makes the parser of the answer.
  package var makeParser: @Sendable () -> any OutputParser

  package init(
    tokens: [Int32], media: [MediaSpan] = [], grammar: GrammarConstraint? = nil, additionalStops: [String] = [],
    preservedTokens: Set<Int32> = [], makeParser: @escaping @Sendable () -> any OutputParser
  ) {
    self.tokens = tokens
    self.media = media
    self.grammar = grammar
    self.additionalStops = additionalStops
    self.preservedTokens = preservedTokens
    self.makeParser = makeParser
  }
}
