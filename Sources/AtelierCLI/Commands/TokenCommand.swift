import ArgumentParser
import AtelierAccess
import AtelierCore
import Foundation

/// Edits the tokens of the data folder; a running server knows the change at the next request.
package struct TokenCommand: ParsableCommand {
  package static let configuration = CommandConfiguration(
    commandName: "token", abstract: "Make, list, change and delete API tokens.",
    discussion: "They count while the setting require_auth is on: \(ProgramName.text) config set require_auth true.",
    subcommands: [Create.self, List.self, Edit.self, Delete.self], defaultSubcommand: List.self)

  package init() {}

  private static let permissionHelp: ArgumentHelp =
    "What it allows, separated by commas: \(Permissions.knownNames.joined(separator: ", "))."
  private static let expiryHelp: ArgumentHelp = "When it ends: 30d, 12h, 2027-01-31, a time, or never."

  package struct Create: ParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Make a token and print it, this one time.",
      discussion: "Without --allow it allows \(Permissions.standard.names.joined(separator: ", ")).")

    @Option(help: "A name to recognise it by.") var name: String
    @Option(help: TokenCommand.permissionHelp) var allow: String?
    @Option(help: TokenCommand.expiryHelp) var expires: String?
    @OptionGroup var output: OutputOptions

    package init() {}

    package func validate() throws {
      _ = try TokenCommand.permissions(allow)
      _ = try TokenCommand.expiry(expires)
    }

    package func run() throws {
      let token = APIToken.generate()
      let record = TokenRecord(
        token, name: name, permissions: try TokenCommand.permissions(allow) ?? .standard, createdAt: TokenTime.now,
        expiresAt: try TokenCommand.expiry(expires) ?? nil)
      try TokenCommand.update { try $0.add(record) }
      if output.json {
        guard case .object(var object) = record.summary else { return }
        object["token"] = .string(token.text.value)
        return Output.json(.object(object))
      }
      Output.line(token.text.value)
      output.note("Keep it: it is not shown again. It allows \(record.permissions.names.joined(separator: ", ")).")
    }
  }

  package struct List: ParsableCommand {
    package static let configuration = CommandConfiguration(abstract: "List the tokens, without their secrets.")

    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() throws {
      let directory = TokenCommand.directory
      let records = try TokenCommand.passing { try TokenFile(at: directory.tokens).read().records }
      let uses = TokenUse.read(directory.tokenUse)
      if output.json {
        return Output.json(
          .array(
            records.map { record in
              guard case .object(var object) = record.summary else { return record.summary }
              object["last_used_at"] = uses[record.id].map { .string(TokenTime.text($0)) } ?? .null
              return .object(object)
            }))
      }
      if records.isEmpty { return output.note("There are no tokens.") }
      Output.table(TokenText.table(records, uses: uses, now: TokenTime.now))
    }
  }

  package struct Edit: ParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Change a token's name, what it allows, or when it ends.")

    @Argument(help: "The token's id.") var id: String
    @Option(help: "The new name.") var name: String?
    @Option(help: TokenCommand.permissionHelp) var allow: String?
    @Option(help: TokenCommand.expiryHelp) var expires: String?
    @OptionGroup var output: OutputOptions

    package init() {}

    package func validate() throws {
      if name == nil, allow == nil, expires == nil { throw ValidationError("Give --name, --allow or --expires.") }
      _ = try TokenCommand.permissions(allow)
      _ = try TokenCommand.expiry(expires)
    }

    package func run() throws {
      let (permissions, expiry) = (try TokenCommand.permissions(allow), try TokenCommand.expiry(expires))
      let record = try TokenCommand.update {
        try $0.edit(id, name: name, permissions: permissions, expiresAt: expiry)
      }
      if output.json { return Output.json(record.summary) }
      Output.line("Changed \(record.id).")
    }
  }

  package struct Delete: ParsableCommand {
    package static let configuration = CommandConfiguration(
      abstract: "Delete tokens; whoever has one is refused from then on.")

    @Argument(help: "The tokens' ids.") var ids: [String]
    @OptionGroup var output: OutputOptions

    package init() {}

    package func run() throws {
      try TokenCommand.update { book in for id in ids { try book.delete(id) } }
      if output.json { return Output.json(["deleted": .array(ids.map(JSONValue.string))]) }
      for id in ids { Output.line("Deleted \(HumanText.plain(id)).") }
    }
  }

  // MARK: Shared

  private static var directory: DataDirectory { .standard(environment: ProcessInfo.processInfo.environment) }

  private static func update<Value>(_ change: (inout TokenBook) throws -> Value) throws -> Value {
    let directory = directory
    return try passing {
      try directory.create()
      return try TokenFile(at: directory.tokens).update(change)
    }
  }

  private static func passing<Value>(_ work: () throws -> Value) throws -> Value {
    do { return try work() } catch let problem as TokenBook.Problem {
      throw CommandFailure(problem.description)
    } catch let problem as TokenFile.Problem {
      throw CommandFailure(problem.description)
    } catch let error as CocoaError {
      throw CommandFailure("The data folder cannot be made: \(error.code.rawValue).")
    }
  }

  private static func permissions(_ text: String?) throws -> Permissions? {
    guard let text else { return nil }
    let names = text.split(separator: ",").map { $0.filter { !$0.isWhitespace } }.filter { !$0.isEmpty }
    do { return try Permissions(names: names) } catch { throw ValidationError(error.description) }
  }

  private static func expiry(_ text: String?) throws -> Int64?? {
    guard let text else { return nil }
    do { return .some(try TokenTime.expiry(text, now: TokenTime.now)) } catch {
      throw ValidationError(error.description)
    }
  }
}
