import AtelierCore
import Foundation

/// Brings GGUF files from elsewhere into the models folder. Checked as a whole before anything is touched.
package struct ModelImport: Sendable {
  /// Why files cannot be imported. For the person at this machine, so it names paths.
  package struct Problem: Error, Sendable, CustomStringConvertible {
    package let description: String
  }

  package struct Item: Sendable, Hashable {
    /// Absolute.
    package var source: String
    /// Relative to the models folder.
    package var target: String
    package var size: Int64
  }

  package let repository: RepositoryName
  package let items: [Item]
  private let models: URL

  /// The owner of what nobody named.
  package static let standardOwner = "imported"

  /// - Parameters:
  ///   - files: one shard of several stands for all that lie beside it.
  ///   - repository: where they go; nil: `imported/` and the model's name.
  package init(_ files: [String], repository: RepositoryName?, models: URL) throws(Problem) {
    let sources = try Self.withShards(files.map(Self.absolute))
    var headers: [GGUFHeader] = []
    for source in sources { headers.append(try Self.header(of: source, models: models)) }
    let target = if let repository { repository } else { try Self.guess(sources, headers) }
    self.repository = target
    self.models = models
    items = sources.map { source in
      Item(
        source: source, target: "\(target)/\(Self.name(source))", size: FileStamp(path: source)?.size ?? 0)
    }
    guard Set(items.map(\.target)).count == items.count else {
      throw Problem(description: "Two of the files have the same name.")
    }
    for item in items {
      var status = stat()
      if lstat(path(of: item), &status) == 0 {
        throw Problem(description: "\(item.target) is in the models folder already.")
      }
    }
  }

  /// Where the item will be.
  package func path(of item: Item) -> String { models.appending(path: item.target).path(percentEncoded: false) }

  // MARK: Checks

  private static func absolute(_ path: String) -> String { URL(fileURLWithPath: path).path(percentEncoded: false) }

  private static func name(_ path: String) -> String { String(path.split(separator: "/").last ?? "") }

  /// The files, each with the shards it belongs to, in order and once.
  private static func withShards(_ files: [String]) throws(Problem) -> [String] {
    var all: [String] = []
    for file in files {
      guard let parsed = ModelFileName(name(file)), FileSelection.isSafe(name(file)) else {
        throw Problem(description: "\(file) has no name that ends in .gguf, or one with characters that none may have.")
      }
      guard let shard = parsed.shard else {
        all.append(file)
        continue
      }
      let stem = file.dropLast("00001-of-00001.gguf".count)
      for number in 1...shard.count {
        let part = "\(stem)\(padded(number))-of-\(padded(shard.count))\(file.suffix(5))"
        guard FileStamp(path: part) != nil else { throw Problem(description: "Part \(number) is missing: \(part)") }
        all.append(part)
      }
    }
    var seen: Set<String> = []
    return all.filter { seen.insert($0).inserted }
  }

  private static func padded(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
  }

  private static func header(of file: String, models: URL) throws(Problem) -> GGUFHeader {
    guard let stamp = FileStamp(path: file) else { throw Problem(description: "There is no file \(file).") }
    guard !stamp.isFolder else { throw Problem(description: "\(file) is a folder.") }
    if let path = real(file), let root = real(models.path(percentEncoded: false)), path.hasPrefix(root + "/") {
      throw Problem(description: "\(file) is in the models folder already.")
    }
    do { return try GGUFReader.header(ofFileAt: file) } catch {
      throw Problem(description: "\(file) is no usable model file: \(error).")
    }
  }

  private static func real(_ path: String) -> String? {
    guard let pointer = realpath(path, nil) else { return nil }
    defer { free(pointer) }
    return String(cString: pointer)
  }

  /// From the file's name, or what it calls itself.
  private static func guess(_ sources: [String], _ headers: [GGUFHeader]) throws(Problem) -> RepositoryName {
    for (source, header) in zip(sources, headers) {
      guard let parsed = ModelFileName(name(source)), !parsed.isProjector, header.type != "mmproj" else { continue }
      for text in [parsed.base, header.basename ?? "", header.name ?? ""] {
        let words = text.split { !$0.isASCII || !($0.isLetter || $0.isNumber || "._-".contains($0)) }
        let plain = words.joined(separator: "-").drop { $0 == "." || $0 == "-" }.prefix(90)
        if let repository = RepositoryName(owner: standardOwner, name: plain) { return repository }
      }
    }
    throw Problem(description: "Say with --user-repo owner/name where this belongs.")
  }

  // MARK: Doing

  /// Stops at the first that fails; those before it stay.
  package func perform(_ mode: ImportMode) throws(Problem) {
    let folder = models.appending(path: repository.description, directoryHint: .isDirectory)
    do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
      throw Problem(description: "The folder \(folder.path(percentEncoded: false)) cannot be made.")
    }
    for item in items {
      let target = path(of: item)
      switch mode {
      case .symbolicLink:
        guard symlink(item.source, target) == 0 else { throw failed(item) }
      case .hardLink:
        guard link(real(item), target) == 0 else { throw failed(item) }
      case .copy: try copy(item, to: target)
      case .move: try move(item, to: target)
      }
    }
  }

  private func real(_ item: Item) -> String { Self.real(item.source) ?? item.source }

  private func move(_ item: Item, to target: String) throws(Problem) {
    var status = stat()
    guard lstat(item.source, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw Problem(description: "\(item.source) is a link; use --copy, --hard-link or --symbolic-link.")
    }
    // Unlike a rename, a link never replaces what is there.
    if link(item.source, target) != 0 {
      guard [EXDEV, EPERM, EOPNOTSUPP, EMLINK].contains(errno) else { throw failed(item) }
      try copy(item, to: target)
    }
    guard unlink(item.source) == 0 else {
      throw Problem(description: "\(item.target) is there now, but \(item.source) cannot be removed.")
    }
  }

  /// The final name appears when all of it is on the disk.
  private func copy(_ item: Item, to target: String) throws(Problem) {
    if let free = DiskSpace.free(at: models), free < item.size {
      throw Problem(description: "\(item.target) needs \(item.size) bytes, but only \(free) are free.")
    }
    let part = target + ".part"
    let from = open(item.source, O_RDONLY | O_CLOEXEC)
    guard from >= 0 else { throw failed(item) }
    defer { close(from) }
    let to = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o644)
    guard to >= 0 else { throw failed(item) }
    var isWhole = false
    defer {
      close(to)
      if !isWhole { unlink(part) }
    }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      let got = read(from, &buffer, buffer.count)
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw failed(item) }
      if got == 0 { break }
      var written = 0
      while written < got {
        let count = buffer.withUnsafeBytes { write(to, $0.baseAddress.map { $0 + written }, got - written) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { throw failed(item) }
        written += count
      }
    }
    guard fsync(to) == 0 else { throw failed(item) }
    if link(part, target) == 0 {
      unlink(part)
    } else {
      guard errno != EEXIST, access(target, F_OK) != 0, rename(part, target) == 0 else { throw failed(item) }
    }
    isWhole = true
  }

  private func failed(_ item: Item) -> Problem {
    switch errno {
    case EXDEV:
      Problem(description: "\(item.source) lies on another file system; use --copy or --symbolic-link.")
    case EEXIST: Problem(description: "\(item.target) is in the models folder already.")
    case ENOSPC, EDQUOT: Problem(description: "The disk is full.")
    case EACCES, EPERM: Problem(description: "\(item.source) may not be read, or the models folder not be written.")
    case let code: Problem(description: "\(item.source) cannot be imported (errno \(code)).")
    }
  }
}
