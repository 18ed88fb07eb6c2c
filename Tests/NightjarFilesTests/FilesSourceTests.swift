import CloudEvents
import Foundation
import NightjarCore
import Testing

@testable import NightjarFiles

/// The source on the real file system, in every mode. One after the other, for they count descriptors of the process.
@Suite(.serialized) struct FilesSourceTests {
    let folder: TemporaryFolder
    let elsewhere: TemporaryFolder
    let intake = RecordingIntake()

    init() throws {
        folder = try TemporaryFolder()
        elsewhere = try TemporaryFolder()
    }

    @Test("a file that was written is reported with its path, size, time and content", arguments: modes)
    func created(_ mode: FilesOptions.Mode) async throws {
        try await watching(folder.path, intake, mode: mode) {
            try folder.write("1,2,3", to: "a b.csv")
            let event = try #require(try await intake.wait(for: ["created a b.csv"]).events.first)
            #expect(event.type == "nightjar.file.created")
            #expect(event.source == "file://" + folder.path)
            #expect(event.dataContentType == "text/csv")
            #expect(event.data == Array("1,2,3".utf8))
            #expect(event.extensions["path"] == .string(folder.path("a b.csv")))
            #expect(event.extensions["size"] == .string("5"))
            #expect(event.extensions["truncated"] == nil)
            let modified = try #require(
                try FileManager.default.attributesOfItem(atPath: folder.path("a b.csv"))[.modificationDate] as? Date)
            let time = try #require(event.time)
            #expect(abs(Double(time.microsecondsSince1970) / 1e6 - modified.timeIntervalSince1970) < 0.001)
            #expect(event.extensions["modified"] == .string(time.rfc3339))
        }
    }

    @Test("a known file that is written again, appended to, replaced or touched is changed", arguments: modes)
    func changed(_ mode: FilesOptions.Mode) async throws {
        try await watching(folder.path, intake, mode: mode) {
            try folder.write("one", to: "a")
            try await intake.wait(for: ["created a"])
            try folder.write("two", to: "a")
            try await intake.wait(for: ["created a", "changed a"])
            let file = try #require(FileHandle(forWritingAtPath: folder.path("a")))
            try file.seekToEnd()
            try file.write(contentsOf: Data(" three".utf8))
            try file.close()
            try await intake.wait(for: ["created a", "changed a", "changed a"])
            try folder.write("four", to: ".a.tmp")
            try folder.move(".a.tmp", to: "a")
            try await intake.wait(for: ["created a", "changed a", "changed a", "changed a"])
            try folder.age("a")
            let events = try await intake.wait("five events") { $0.events.count == 5 }.events
            #expect(
                events.map { String(decoding: $0.data ?? [], as: UTF8.self) } == [
                    "one", "two", "two three", "four", "four",
                ])
        }
        #expect(intake.snapshot.duplicates == 0)
    }

    @Test("a file that is moved in or linked is created, one that is moved out or removed is deleted", arguments: modes)
    func movedAndLinked(_ mode: FilesOptions.Mode) async throws {
        try await watching(folder.path, intake, mode: mode) {
            try elsewhere.write("x", to: "old")
            try elsewhere.age("old")
            try elsewhere.move("old", to: folder.path("a"))
            try await intake.wait(for: ["created a"])
            try elsewhere.write("y", to: "shared")
            try folder.check(link(elsewhere.path("shared"), folder.path("b")))
            try await intake.wait(for: ["created a", "created b"])
            try folder.move("a", to: elsewhere.path("a"))
            try await intake.wait(for: ["created a", "created b", "deleted a"])
            try folder.remove("b")
            let events = try await intake.wait(for: ["created a", "created b", "deleted a", "deleted b"]).events
            #expect(events.last?.data == nil)
            #expect(events.last?.extensions["size"] == .string("1"))
        }
        #expect(intake.snapshot.present.isEmpty)
    }

    @Test("a file that was delivered by a link and whose other name is gone at once is created", arguments: modes)
    func delivered(_ mode: FilesOptions.Mode) async throws {
        try await watching(folder.path, intake, mode: mode) {
            for number in 0..<10 {
                try elsewhere.write("y", to: "draft")
                try folder.check(link(elsewhere.path("draft"), folder.path("\(number)")))
                try elsewhere.remove("draft")
            }
            try await intake.wait(for: (0..<10).map { "created \($0)" })
        }
        #expect(intake.snapshot.duplicates == 0)
    }

    @Test("a file that was moved away and comes back is reported again", arguments: modes)
    func movedBack(_ mode: FilesOptions.Mode) async throws {
        try await watching(folder.path, intake, mode: mode) {
            try folder.write("x", to: "a")
            try await intake.wait(for: ["created a"])
            for count in 1...2 {
                try folder.move("a", to: elsewhere.path("a"))
                try await intake.wait("deleted") { $0.inOrder.filter { $0 == "deleted a" }.count == count }
                try elsewhere.move("a", to: folder.path("a"))
                try await intake.wait("back") { $0.inOrder.filter { $0 == "created a" }.count == count + 1 }
            }
        }
    }

    @Test(
        "files that go with their folder and come back with it are reported again, also after a restart",
        arguments: modes)
    func folderMovedBack(_ mode: FilesOptions.Mode) async throws {
        try folder.makeFolder("d")
        try folder.write("x", to: "d/a")
        try folder.age("d/a")
        func wait(_ kind: String, _ count: Int) async throws {
            try await intake.wait("\(kind), \(count) times") {
                $0.inOrder.filter { $0 == "\(kind) d/a" }.count == count
            }
        }
        try await watching(folder.path, intake, mode: mode, { $0.recursive = true }) {
            for count in 1...3 {
                try await wait("created", count)
                try folder.move("d", to: elsewhere.path("d"))
                try await wait("deleted", count)
                if count < 3 { try elsewhere.move("d", to: folder.path("d")) }
            }
        }
        try elsewhere.move("d", to: folder.path("d"))
        try await watching(folder.path, intake, mode: mode, { $0.recursive = true }) { try await wait("created", 4) }
        #expect(intake.snapshot.duplicates == 0)
    }

    @Test("a file that gets another name is deleted under the old and created under the new one", arguments: modes)
    func renamed(_ mode: FilesOptions.Mode) async throws {
        try await watching(folder.path, intake, mode: mode) {
            try folder.write("x", to: "a")
            try await intake.wait(for: ["created a"])
            try folder.move("a", to: "b")
            try await intake.wait(for: ["created a", "created b", "deleted a"])
        }
    }

    @Test("only what fits a pattern and is not ignored is reported, and leaves a trace", arguments: modes)
    func patterns(_ mode: FilesOptions.Mode) async throws {
        try await watching(
            folder.path, intake, mode: mode,
            {
                $0.match = ["*.{csv,tsv}"]
                $0.recursive = true
                $0.ignore += ["draft-*", "skip"]
            }
        ) {
            for name in ["a.txt", ".b.csv", "c.csv.tmp", "draft-d.csv"] { try folder.write("x", to: name) }
            try folder.makeFolder("skip/deep")
            try folder.makeFolder(".git")
            try folder.write("x", to: "skip/deep/e.csv")
            try folder.write("x", to: ".git/f.csv")
            try folder.write("x", to: "g.tsv")
            try await intake.wait(for: ["created g.tsv"])
            try folder.write("x", to: "last.csv")
            try await intake.wait(for: ["created g.tsv", "created last.csv"])
        }
        #expect(Set(intake.snapshot.present.keys) == [Array("g.tsv".utf8), Array("last.csv".utf8)])
    }

    @Test("links, pipes, sockets and folders are no files, and loops of links lead nowhere", arguments: modes)
    func irregularFiles(_ mode: FilesOptions.Mode) async throws {
        try elsewhere.write("x", to: "target")
        try await watching(folder.path, intake, mode: mode, { $0.recursive = true }) {
            try folder.check(symlink(elsewhere.path("target"), folder.path("link")))
            try folder.check(symlink(elsewhere.path, folder.path("folder-link")))
            try folder.check(symlink(".", folder.path("loop")))
            try folder.check(mkfifo(folder.path("pipe"), 0o644))
            try folder.makeFolder("folder")
            try folder.write("x", to: "folder/file")
            try folder.write("x", to: "last")
            try await intake.wait(for: ["created folder/file", "created last"])
        }
    }

    @Test("without recursion, only the folder's own files count", arguments: modes)
    func flat(_ mode: FilesOptions.Mode) async throws {
        try folder.makeFolder("sub")
        try folder.write("x", to: "sub/a")
        try await watching(folder.path, intake, mode: mode) {
            try folder.write("x", to: "sub/b")
            try folder.write("x", to: "c")
            try await intake.wait(for: ["created c"])
        }
    }

    @Test("files in folders that have just been made are found, however fast they come", arguments: modes)
    func newFolders(_ mode: FilesOptions.Mode) async throws {
        try await watching(folder.path, intake, mode: mode, { $0.recursive = true }) {
            var expected: [String] = []
            for number in 0..<30 {
                try folder.makeFolder("\(number)/b/c")
                try folder.write("x", to: "\(number)/b/c/file")
                try folder.write("x", to: "\(number)/b/other")
                expected += ["created \(number)/b/c/file", "created \(number)/b/other"]
            }
            try await intake.wait(for: expected)
            try folder.write("y", to: "7/b/c/file")
            try await intake.wait(for: expected + ["changed 7/b/c/file"])
        }
        #expect(intake.snapshot.duplicates == 0)
    }

    @Test("folders that are moved or removed take their files with them", arguments: modes)
    func movedFolders(_ mode: FilesOptions.Mode) async throws {
        try folder.makeFolder("a/b")
        try folder.write("x", to: "a/b/1")
        try await watching(folder.path, intake, mode: mode, { $0.recursive = true }) {
            var expected = ["created a/b/1"]
            try await intake.wait(for: expected)
            try folder.move("a", to: "z")
            expected += ["deleted a/b/1", "created z/b/1"]
            try await intake.wait(for: expected)
            try folder.write("yy", to: "z/b/1")
            expected += ["changed z/b/1"]
            try await intake.wait(for: expected)
            try folder.move("z", to: elsewhere.path("out"))
            expected += ["deleted z/b/1"]
            try await intake.wait(for: expected)
            try elsewhere.write("unseen", to: "out/b/2")
            try elsewhere.move("out", to: folder.path("back"))
            expected += ["created back/b/1", "created back/b/2"]
            try await intake.wait(for: expected)
            try folder.remove("back")
            expected += ["deleted back/b/1", "deleted back/b/2"]
            try await intake.wait(for: expected)
        }
    }

    @Test("names that are no text, and names that look alike, are reported each", arguments: modes)
    func oddNames(_ mode: FilesOptions.Mode) async throws {
        try await watching(folder.path, intake, mode: mode) {
            for bytes in [[0x61, 0xFF], Array("\u{E9}".utf8), Array("e\u{301}".utf8), Array("50%".utf8), [0x0A]]
                as [[UInt8]]
            {
                let path = (Array(folder.path.utf8) + [0x2F] + bytes).map { CChar(bitPattern: $0) } + [0]
                let descriptor = open(path, O_WRONLY | O_CREAT, 0o644)
                try folder.check(descriptor)
                close(descriptor)
            }
            let events = try await intake.wait("five events") { $0.events.count == 5 }.events
            #expect(Set(events.compactMap { $0.subject.map { Array($0.utf8) } }).count == 5)
            let encoded = events.filter { $0.extensions["pathencoding"] == .string("percent") }.compactMap(\.subject)
            #expect(encoded.sorted() == ["%0A", "a%FF"])
        }
        #expect(intake.snapshot.present.count == 5)
        try await watching(folder.path, intake, mode: mode) {
            try folder.write("x", to: "last")
            try await intake.wait("the last") { $0.inOrder.contains("created last") }
        }
        #expect(intake.snapshot.events.count == 6)
        #expect(intake.snapshot.duplicates == 0)
    }

    @Test("a file beyond the limit comes without content, one of just the limit with it", arguments: modes)
    func contentLimit(_ mode: FilesOptions.Mode) async throws {
        try await watching(folder.path, intake, mode: mode, { $0.contentLimitBytes = 4 }) {
            try folder.write("12345", to: "long.json")
            try folder.write("1234", to: "short.json")
            try folder.write("", to: "empty.json")
            let events = try await intake.wait("three events") { $0.events.count == 3 }.events
            let byName = Dictionary(events.map { ($0.subject ?? "", $0) }) { first, _ in first }
            #expect(byName.count == 3)
            #expect(byName["long.json"]?.data == nil)
            #expect(byName["long.json"]?.extensions["truncated"] == .boolean(true))
            #expect(byName["long.json"]?.extensions["size"] == .string("5"))
            #expect(byName["short.json"]?.data == Array("1234".utf8))
            #expect(byName["short.json"]?.extensions["truncated"] == nil)
            #expect(byName["empty.json"]?.data == [])
        }
    }
}
