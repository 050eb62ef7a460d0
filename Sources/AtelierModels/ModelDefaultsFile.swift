import AtelierCore
import Foundation

/// `model-defaults.json`: an object that maps model keys to objects of config keys (native.md 16.2):
///
///     {"smollm2-135m-instruct": {"llm.load.contextLength": 8192, "llm.prediction.temperature": 0.2}}
///
/// What is wrong in it is reported and has no effect; the rest holds.
package struct ModelDefaultsFile: Sendable, Hashable {
  /// Bytes.
  static let longest = 1 << 20

  private var byKey: [String: ModelDefaults] = [:]
  /// For logs: what has no effect and why.
  package private(set) var problems: [String] = []

  /// Nothing is set.
  package init() {}

  /// A missing file sets nothing.
  package init(contentsOf url: URL) {
    self.init()
    guard let stamp = FileStamp(path: url.path(percentEncoded: false)) else { return }
    guard !stamp.isFolder, stamp.size <= Self.longest, let data = try? Data(contentsOf: url) else {
      problems = ["model-defaults.json cannot be read or is larger than 1 MiB"]
      return
    }
    self = ModelDefaultsFile(parsing: data)
  }

  package init(parsing data: Data) {
    let document: JSONValue
    do throws(JSONParseError) {
      document = try JSONValue(parsing: data)
    } catch {
      problems = ["model-defaults.json is no JSON: \(error)"]
      return
    }
    guard let models = document.objectValue else {
      problems = ["model-defaults.json must be an object of model keys"]
      return
    }
    for (model, entry) in models {
      guard let fields = entry.objectValue else {
        problems.append("\(model): must be an object of settings")
        continue
      }
      var defaults = ModelDefaults()
      for (key, value) in fields {
        do throws(ModelDefaults.Fault) {
          try defaults.set(key, to: value)
        } catch {
          problems.append("\(model): \(key): \(error == .unknownKey ? "unknown setting" : "value not allowed")")
        }
      }
      byKey[model.lowercased()] = defaults
    }
  }

  /// Under the model's key, else under the name it would have without its `model.yaml`.
  func defaults(for model: ModelDescription) -> ModelDefaults {
    ([model.key] + model.aliases).lazy.compactMap { byKey[$0.lowercased()] }.first ?? ModelDefaults()
  }

  /// In any case of letters.
  package func defaults(forKey key: String) -> ModelDefaults { byKey[key.lowercased()] ?? ModelDefaults() }
}
