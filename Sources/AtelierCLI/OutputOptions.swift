import ArgumentParser

/// How much a command says. JSON goes to standard output, everything else to standard error.
package struct OutputOptions: ParsableArguments {
  @Flag(help: "Print JSON.")
  package var json = false

  @Flag(help: "Say less.")
  package var quiet = false

  @Flag(help: .hidden)
  package var verbose = false

  @Option(help: .hidden)
  package var logLevel: String?

  package init() {}

  package func validate() throws {
    if [verbose, quiet, logLevel != nil].filter(\.self).count > 1 {
      throw ValidationError("--verbose, --quiet and --log-level exclude each other.")
    }
  }

  /// Somebody can be asked, and wants to be.
  var canAsk: Bool { !json && Terminal.canAsk }

  /// Tells the person something that is no result.
  package func note(_ text: String) { if !json && !quiet { Output.warn(text) } }

  /// Whether to go on: where nobody can be asked, yes.
  package func confirms(_ question: String) -> Bool { canAsk ? Terminal.confirm(question) : true }
}
