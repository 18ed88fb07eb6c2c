import CloudEvents
import Foundation
import NightjarCore
import Testing

@testable import NightjarFiles

extension FilesSourceTests {
    @Test(
        "a file that cannot be read is reported without content",
        .disabled(if: getuid() == 0, "root can read everything"), arguments: modes)
    func unreadableFile(_ mode: FilesOptions.Mode) async throws {
        try folder.write("secret", to: "a")
        try folder.check(chmod(folder.path("a"), 0))
        try await watching(folder.path, intake, mode: mode) {
            let event = try #require(try await intake.wait(for: ["created a"]).events.first)
            #expect(event.data == nil)
            #expect(event.extensions["unreadable"] == .boolean(true))
        }
    }

    @Test(
        "a folder that cannot be read keeps no other waiting, loses no file, and is looked at when it can be read",
        .disabled(if: getuid() == 0, "root can read everything"), arguments: modes)
    func unreadableFolder(_ mode: FilesOptions.Mode) async throws {
        try folder.makeFolder("sub")
        try folder.write("x", to: "sub/a")
        try folder.age("sub/a")
        try await watching(folder.path, intake, mode: mode, { $0.recursive = true }) {
            try await intake.wait(for: ["created sub/a"])
        }
        try folder.check(chmod(folder.path("sub"), 0))
        try await watching(folder.path, intake, mode: mode, { $0.recursive = true }) {
            try folder.write("x", to: "b")
            try await intake.wait(for: ["created sub/a", "created b"])
            try folder.check(chmod(folder.path("sub"), 0o755))
            try folder.write("x", to: "sub/c")
            try await intake.wait(for: ["created sub/a", "created b", "created sub/c"])
            try folder.write("yy", to: "sub/a")
            try await intake.wait(for: ["created sub/a", "created b", "created sub/c", "changed sub/a"])
        }
    }
}
