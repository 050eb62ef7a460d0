import ArgumentParser
import AtelierCLI
import AtelierCore
import AtelierModels
import Foundation

/// Works on the models folder itself, so it needs no server; one that runs sees the files at once.
struct ImportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import", abstract: "Bring GGUF files into the models folder; moves them unless told otherwise.")

  @Argument(help: "The files; one part of a split model stands for all.", completion: .file(extensions: ["gguf"]))
  var files: [String]
  @Option(help: "Where they belong, as owner/name.") var userRepo: String?
  @Flag(name: .shortAndLong, help: "Copy them.") var copy = false
  @Flag(name: [.customShort("L"), .long], help: "Make hard links.") var hardLink = false
  @Flag(name: [.customShort("l"), .long], help: "Make symbolic links.") var symbolicLink = false
  @Flag(help: "Say what would happen, and do nothing.") var dryRun = false
  @Flag(name: .shortAndLong, help: "Ask nothing.") var yes = false
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if [copy, hardLink, symbolicLink].filter(\.self).count > 1 {
      throw ValidationError("--copy, --hard-link and --symbolic-link exclude each other.")
    }
    if let userRepo, RepositoryName(userRepo) == nil {
      throw ValidationError("--user-repo wants owner/name, of letters, digits, '.', '_' and '-'.")
    }
  }

  private var mode: (ImportMode, String) {
    if copy { return (.copy, "Copied") }
    if hardLink || symbolicLink { return (hardLink ? .hardLink : .symbolicLink, "Linked") }
    return (.move, "Moved")
  }

  func run() async throws {
    let loader = SettingsLoader()
    let settings = try loader.load().settings
    try loader.directory.create()
    let models =
      settings.modelsDirectory.isEmpty
      ? loader.directory.models : URL(fileURLWithPath: settings.modelsDirectory, isDirectory: true)
    let work = try Self.passing {
      () throws(ModelImport.Problem) in
      try ModelImport(files, repository: userRepo.flatMap { RepositoryName($0) }, models: models)
    }
    let (mode, verb) = mode
    let isSure = yes || dryRun || output.confirms("\(work.plan)\nGo on?")
    guard isSure else { throw CommandFailure("Nothing was imported.") }
    if !dryRun { try Self.passing { () throws(ModelImport.Problem) in try work.perform(mode) } }
    let key = dryRun ? nil : await Self.key(of: work, models)
    if output.json {
      return print(
        JSONValue.object([
          "imported": .bool(!dryRun), "modelKey": key.map(JSONValue.string) ?? .null,
          "files": .array(work.items.map { .string($0.target) }),
        ]).serialized())
    }
    if dryRun { return print(work.plan) }
    output.note("\(verb) to \(work.repository). Load it as:")
    print(key ?? work.repository.description)
  }

  private static func passing<Value>(_ work: () throws(ModelImport.Problem) -> Value) throws -> Value {
    do { return try work() } catch { throw CommandFailure(error.description) }
  }

  /// What requests name the imported model by; nil when it is not listed, such as a projector alone.
  private static func key(of work: ModelImport, _ models: URL) async -> String? {
    let targets = Set(work.items.map(\.target))
    let listed = await ModelCatalog(roots: [models]).models()
    for model in listed {
      for variant in model.variants where targets.contains(variant.relativePath) {
        return variant == model.selected ? model.key : variant.name
      }
    }
    return nil
  }
}

extension ModelImport {
  fileprivate var plan: String { items.map { "\($0.source) -> \($0.target)" }.joined(separator: "\n") }
}
