import CloudEvents
import Foundation
import NightjarCore
import Testing

@testable import NightjarFiles

extension FilesSourceTests {
    @Test("what happened while nobody watched is found at the start", arguments: modes)
    func downTime(_ mode: FilesOptions.Mode) async throws {
        try folder.write("x", to: "before")
        try await watching(folder.path, intake, mode: mode) {
            try folder.write("x", to: "changes")
            try folder.write("x", to: "goes")
            try folder.write("x", to: "stays")
            try await intake.wait("four files") { $0.events.count == 4 }
        }
        try folder.write("yy", to: "changes")
        try folder.remove("goes")
        try folder.write("x", to: "comes")
        let first = intake.snapshot.inOrder
        #expect(first.contains("created before"))
        try await watching(folder.path, intake, mode: mode) {
            try await intake.wait(for: first + ["changed changes", "deleted goes", "created comes"])
        }
        #expect(intake.snapshot.duplicates == 0)
    }

    @Test("notes on another folder, which was watched before, say nothing of this one", arguments: modes)
    func otherFolder(_ mode: FilesOptions.Mode) async throws {
        try await watching(elsewhere.path, intake, mode: mode) {
            try elsewhere.write("x", to: "a")
            try elsewhere.write("x", to: "b")
            try await intake.wait(for: ["created a", "created b"])
        }
        try folder.write("x", to: "a")
        try await watching(folder.path, intake, mode: mode) {
            try await intake.wait(for: ["created a", "created b", "created a"])
        }
        #expect(Set(intake.snapshot.present.keys) == [Array("a".utf8)])
    }

    @Test("an empty folder in the place of the one that was watched deletes nothing", arguments: modes)
    func unmounted(_ mode: FilesOptions.Mode) async throws {
        try await watching(folder.path, intake, mode: mode) {
            try folder.write("x", to: "a")
            try await intake.wait(for: ["created a"])
        }
        try FileManager.default.moveItem(atPath: folder.path, toPath: elsewhere.path("aside"))
        try FileManager.default.createDirectory(atPath: folder.path, withIntermediateDirectories: false)
        try await watching(folder.path, intake, mode: mode, waitsUntilRunning: false) {
            try await intake.wait("the folder is not taken") { snapshot in
                if case .failing(let reason)? = snapshot.health.last {
                    reason.contains("is its disk mounted?")
                } else {
                    false
                }
            }
            try FileManager.default.removeItem(atPath: folder.path)
            try FileManager.default.moveItem(atPath: elsewhere.path("aside"), toPath: folder.path)
            try folder.write("x", to: "b")
            try await intake.wait(for: ["created a", "created b"])
        }
    }

    @Test("a version is reported once, however often the source starts again", arguments: modes)
    func once(_ mode: FilesOptions.Mode) async throws {
        for name in ["a", "b", "ü"] {
            try folder.write("x", to: name)
            try folder.age(name)
        }
        for number in 0..<4 {
            try await watching(folder.path, intake, mode: mode) {
                try folder.write("x", to: "marker \(number)")
                try await intake.wait("the marker") { $0.inOrder.contains("created marker \(number)") }
            }
        }
        #expect(intake.snapshot.events.count == 7)
        #expect(intake.snapshot.duplicates == 0)
    }

    @Test("files that a narrower pattern leaves out are not taken for deleted", arguments: modes)
    func narrowedPattern(_ mode: FilesOptions.Mode) async throws {
        try await watching(folder.path, intake, mode: mode) {
            try folder.write("x", to: "a.txt")
            try folder.write("x", to: "b.csv")
            try await intake.wait("both") { $0.events.count == 2 }
        }
        try await watching(folder.path, intake, mode: mode, { $0.match = ["*.csv"] }) {
            try folder.remove("b.csv")
            try await intake.wait(for: ["created a.txt", "created b.csv", "deleted b.csv"])
        }
        #expect(intake.snapshot.present.isEmpty)
    }

    @Test("what nobody asked for is remembered along with what somebody did", arguments: modes)
    func onlyChanges(_ mode: FilesOptions.Mode) async throws {
        try folder.write("x", to: "a")
        try folder.write("x", to: "b")
        for name in ["a", "b"] { try folder.age(name) }
        try await watching(folder.path, intake, mode: mode, { $0.on = [.changed] }) {
            if mode == .polling {
                // Changes are seen from what two looks agreed on.
                let looks = intake.snapshot.health.count
                try await intake.wait("two looks") { $0.health.count > looks + 2 }
            }
            try folder.write("yy", to: "a")
            try await intake.wait(for: ["changed a"])
        }
        try folder.write("yy", to: "b")
        try await watching(folder.path, intake, mode: mode, { $0.on = [.changed] }) {
            try await intake.wait(for: ["changed a", "changed b"])
        }
    }

    @Test("a deletion that nobody asked for is forgotten in the store with the next event", arguments: modes)
    func forgotten(_ mode: FilesOptions.Mode) async throws {
        try await watching(folder.path, intake, mode: mode, { $0.on = [.created] }) {
            try folder.write("x", to: "a")
            try await intake.wait(for: ["created a"])
            try folder.remove("a")
            try folder.write("x", to: "b")
            try await intake.wait(for: ["created a", "created b"])
            try folder.write("x", to: "c")
            try await intake.wait("c, and a forgotten") { $0.events.count == 3 && $0.present.count == 2 }
        }
    }

    @Test("a folder that is not there is said so, and watched once it is", arguments: modes)
    func missingFolder(_ mode: FilesOptions.Mode) async throws {
        let inbox = folder.path("inbox")
        try await watching(inbox, intake, mode: mode, waitsUntilRunning: false) {
            try await intake.wait("failing") {
                $0.health.last == .failing("the folder \(inbox) does not exist; it is watched as soon as it does")
            }
            try folder.makeFolder("inbox")
            try folder.write("x", to: "inbox/a")
            try await intake.wait(for: ["created a"])
            try await intake.wait("running") { $0.health.last == .running }
        }
    }

    @Test(
        "a folder that goes does not take its files for deleted; once it is back, what is missing is", arguments: modes)
    func folderGoesAndComes(_ mode: FilesOptions.Mode) async throws {
        try folder.makeFolder("inbox")
        try await watching(folder.path("inbox"), intake, mode: mode) {
            try folder.write("x", to: "inbox/a")
            try folder.write("x", to: "inbox/b")
            try await intake.wait(for: ["created a", "created b"])
            try folder.move("inbox", to: "away")
            try await intake.wait("failing") { if case .failing = $0.health.last { true } else { false } }
            #expect(intake.snapshot.events.count == 2)
            try folder.remove("away/b")
            try folder.move("away", to: "inbox")
            try await intake.wait(for: ["created a", "created b", "deleted b"])
            try folder.write("x", to: "inbox/c")
            try await intake.wait(for: ["created a", "created b", "deleted b", "created c"])
        }
    }

    @Test("a path that is a file is refused with advice", arguments: modes)
    func fileForFolder(_ mode: FilesOptions.Mode) async throws {
        try folder.write("x", to: "a.csv")
        try await watching(folder.path("a.csv"), intake, mode: mode, waitsUntilRunning: false) {
            try await intake.wait("failing") {
                if case .failing(let reason)? = $0.health.last {
                    reason.contains("is not a folder: to watch one file")
                } else {
                    false
                }
            }
        }
    }

    @Test("more files than allowed are refused with the limit's name", arguments: modes)
    func tooManyFiles(_ mode: FilesOptions.Mode) async throws {
        for number in 0..<4 { try folder.write("x", to: "\(number)") }
        try await watching(folder.path, intake, mode: mode, waitsUntilRunning: false, { $0.maximumFiles = 3 }) {
            try await intake.wait("failing") {
                if case .failing(let reason)? = $0.health.last { reason.contains("maximumFiles") } else { false }
            }
        }
        #expect(intake.snapshot.events.isEmpty)
    }
}
