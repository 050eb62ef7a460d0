import Foundation
import Glibc
import Testing

@testable import AtelierServer

struct SocketFileTests {
  private let folder: URL

  init() throws {
    // Short: a socket's path has few bytes.
    folder = URL(filePath: "/tmp/atelier-\(UInt32.random(in: .min ... .max))", directoryHint: .isDirectory)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  }

  private func listen(_ path: String) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
    let bound = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    #expect(bound == 0 && Glibc.listen(descriptor, 1) == 0)
    return descriptor
  }

  @Test func onlyWhatAnEndedServerLeftIsRemoved() throws {
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = SocketFile(path: folder.path(percentEncoded: false) + "s")
    try file.prepare()
    let descriptor = listen(file.path)
    #expect(throws: SocketFile.Problem.self) { try file.prepare() }
    #expect(FileManager.default.fileExists(atPath: file.path))
    close(descriptor)
    try file.prepare()
    #expect(!FileManager.default.fileExists(atPath: file.path))
    try Data("mine".utf8).write(to: URL(filePath: file.path))
    #expect(throws: SocketFile.Problem.self) { try file.prepare() }
    #expect(try String(contentsOfFile: file.path, encoding: .utf8) == "mine")
    #expect(throws: SocketFile.Problem.self) { try SocketFile(path: String(repeating: "x", count: 108)).prepare() }
    #expect(throws: SocketFile.Problem.self) { try SocketFile(path: "").prepare() }
  }
}
