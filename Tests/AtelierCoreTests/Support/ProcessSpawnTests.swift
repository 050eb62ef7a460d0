import AtelierCore
import Foundation
import Testing

struct ProcessSpawnTests {
  /// What a shell said that was started so, line by line, and its process id. The descriptors get one more: the output.
  private func lines(
    of script: String, environment: [String: String] = [:], directory: String? = nil, input: Int32? = nil,
    others: [Int32?] = [], leading leadership: ProcessSpawn.Leadership = .processGroup
  ) throws -> (lines: [String], pid: pid_t) {
    let file = FileManager.default.temporaryDirectory.appending(path: "atelier-spawn-\(UUID().uuidString)")
    let path = file.path(percentEncoded: false)
    defer { try? FileManager.default.removeItem(at: file) }
    let output = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    try #require(output >= 0)
    let started = ProcessSpawn.start(
      "/bin/sh", words: ["/bin/sh", "-c", script], environment: ["PATH": "/usr/bin:/bin"].merging(environment) { $1 },
      directory: directory, descriptors: [input, output, output] + others, leading: leadership)
    close(output)
    let pid = try #require(started)
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    return (try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map(String.init), pid)
  }

  @Test func aChildHasTheDescriptorsItIsGivenAndNoOther() throws {
    // Kept open over exec, as some libraries do.
    let stray = open("/dev/null", O_RDONLY)
    let source = FileManager.default.temporaryDirectory.appending(path: "atelier-spawn-\(UUID().uuidString)")
    try Data("given\n".utf8).write(to: source)
    let given = open(source.path(percentEncoded: false), O_RDONLY | O_CLOEXEC)
    defer {
      close(stray)
      close(given)
      try? FileManager.default.removeItem(at: source)
    }
    // So many that the numbers of ours are among the child's.
    let others: [Int32?] = Array(repeating: nil, count: 200) + [given]
    let (lines, _) = try lines(of: "cat /proc/self/fd/203; cat; ls /proc/$$/fd | wc -l", others: others)
    #expect(lines == ["given", "204"])
    #expect(try self.lines(of: "cat; ls /proc/$$/fd | wc -l", input: given).lines == ["given", "3"])
  }

  @Test func aChildHasTheVariablesItIsGivenAndTheFolder() throws {
    let said = try lines(of: "pwd; env | sort", environment: ["ONE": "1 and more"], directory: "/usr").lines
    #expect(said.first == "/usr" && said.contains("ONE=1 and more"))
    #expect(!said.contains { $0.hasPrefix("HOME=") })
  }

  @Test func aChildLeadsItsGroupOrItsSession() throws {
    // The fifth and sixth field: process group and session.
    let script = "cut -d ' ' -f 5,6 /proc/$$/stat"
    let (group, first) = try lines(of: script)
    #expect(group == ["\(first) \(getsid(0))"])
    let (session, second) = try lines(of: script, leading: .session)
    #expect(session == ["\(second) \(second)"])
  }

  @Test func aProgramThatDoesNotExistIsNotStarted() {
    #expect(
      ProcessSpawn.start("/nowhere/x", words: ["x"], environment: [:], descriptors: [nil, nil, nil]) == nil)
  }
}
