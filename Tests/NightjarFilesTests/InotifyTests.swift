#if os(Linux)
    import CloudEvents
    import Foundation
    import Nightjar
    import NightjarCore
    import NightjarTestKit
    import Testing

    @testable import NightjarFiles

    extension FilesSourceTests {
        @Test("a file is reported when its writer closes it, and not before")
        func slowWriter() async throws {
            try await watching(folder.path, intake, { $0.interval = .seconds(600) }) {
                let file = try folder.openFile("slow")
                for number in 0..<3 {
                    try file.write(contentsOf: Data("\(number)".utf8))
                    try file.synchronize()
                    try folder.write("x", to: "marker \(number)")
                    try await intake.wait("the marker") { $0.inOrder.contains("created marker \(number)") }
                }
                #expect(!intake.snapshot.inOrder.contains("created slow"))
                try file.close()
                let events = try await intake.wait("the slow one") { $0.inOrder.last == "created slow" }.events
                #expect(events.last?.data == Array("012".utf8))
            }
        }

        @Test("a file that a look finds in the hands of its writer is reported when it rests, or is closed")
        func writerAtStart() async throws {
            let file = try folder.openFile("slow")
            try file.write(contentsOf: Data("half".utf8))
            try await watching(folder.path, intake, { $0.interval = .seconds(600) }) {
                try folder.write("x", to: "marker")
                try await intake.wait(for: ["created marker"])
                try file.write(contentsOf: Data(" and half".utf8))
                try file.close()
                let events = try await intake.wait(for: ["created marker", "created slow"]).events
                #expect(events.last?.data == Array("half and half".utf8))
            }
        }

        @Test(
            "a writer that pauses for longer than the interval is waited for",
            .enabled(if: systemTellsWriters, "the system does not tell who writes to a file of the temporary folder"),
            arguments: [
                // In both cases the pause is longer than that after which the file is reported if it is not known who writes.
                (isThereAtStart: true, interval: Duration.milliseconds(200), pause: Duration.milliseconds(500)),
                (isThereAtStart: false, interval: .milliseconds(20), pause: .milliseconds(900)),
            ])
        func pausingWriter(isThereAtStart: Bool, interval: Duration, pause: Duration) async throws {
            var file = isThereAtStart ? try folder.openFile("slow") : nil
            try file?.write(contentsOf: Data("half".utf8))
            try await watching(folder.path, intake, { $0.interval = interval }) {
                let writer = try file ?? folder.openFile("slow")
                if file == nil { try writer.write(contentsOf: Data("half".utf8)) }
                file = nil
                let end = ContinuousClock.now + pause
                var number = 0
                while ContinuousClock.now < end {
                    // Nobody says when these are closed: like the slow one, they are looked at again and again.
                    number += 1
                    let marker = "marker \(number)"
                    try folder.link("x", as: marker)
                    try await intake.wait("the marker") { $0.inOrder.contains("created \(marker)") }
                }
                #expect(!intake.snapshot.inOrder.contains("created slow"))
                try writer.write(contentsOf: Data(" and half".utf8))
                try writer.close()
                let events = try await intake.wait("the slow one") { $0.inOrder.last == "created slow" }.events
                #expect(events.last?.data == Array("half and half".utf8))
            }
        }

        @Test("a file that rests is looked at again after the interval, however the clock is set")
        func clockIsSet() async throws {
            try folder.write("all", to: "new")
            try await watching(folder.path, intake, time: BackwardClock(SystemTimeSource())) {
                let events = try await intake.wait(for: ["created new"]).events
                #expect(events.last?.data == Array("all".utf8))
            }
        }

        @Test("a file made without a name and linked when it is complete is reported")
        func unnamedFile() async throws {
            try await watching(folder.path, intake) {
                try folder.link("abc", as: "a")
                #expect(try await intake.wait(for: ["created a"]).events.first?.data == Array("abc".utf8))
            }
        }

        @Test("when notifications are lost, every file is looked at")
        func overflow() async throws {
            try folder.makeFolder("sub")
            try await watching(folder.path, intake, maximumNotifications: 20, { $0.recursive = true }) {
                try folder.write("x", to: "first")
                intake.hold(true)
                try await intake.wait("the first is on offer") { $0.offers == 1 }
                var expected = ["created first"]
                for number in 0..<200 {
                    try folder.write("x", to: "sub/\(number)")
                    expected.append("created sub/\(number)")
                }
                try folder.makeFolder("new")
                intake.hold(false)
                try await intake.wait(for: expected)
                try folder.write("x", to: "new/last")
                try await intake.wait(for: expected + ["created new/last"])
            }
            #expect(intake.snapshot.duplicates == 0)
        }

        @Test("two folders are told apart, and one is the same as itself")
        func identity() throws {
            try folder.makeFolder("one")
            try folder.makeFolder("two")
            let one = Folder(FilesOptions(path: folder.path("one")))
            #expect(try one.identity() == one.identity())
            #expect(try one.identity() != Folder(FilesOptions(path: folder.path("two"))).identity())
        }

        @Test("a source that is cancelled leaves no descriptor, wherever it is in its work", arguments: [false, true])
        func descriptors(_ isHeld: Bool) async throws {
            func inotifyDescriptors() throws -> Int {
                try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count { name in
                    let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)")
                    return target?.contains("inotify") == true
                }
            }
            try folder.makeFolder("sub")
            for round in 0..<20 {
                intake.refuse { _ in nil }
                try await watching(folder.path, intake, { $0.recursive = true }) {
                    #expect(try inotifyDescriptors() >= 1)
                    if isHeld { intake.refuse { _ in IntakeError(.full, "full", retryAfter: .seconds(600)) } }
                    try folder.write("x", to: "sub/\(round)")
                    if isHeld {
                        try await intake.wait("held up") { if case .failing = $0.health.last { true } else { false } }
                    } else {
                        try await intake.wait("reported") { $0.events.count == round + 1 }
                    }
                }
            }
            // Dispatch closes them on its own queue.
            let deadline = ContinuousClock.now + .seconds(10)
            while try inotifyDescriptors() > 0, ContinuousClock.now < deadline { await Task.yield() }
            #expect(try inotifyDescriptors() == 0)
        }
    }

    let systemTellsWriters: Bool = {
        guard let folder = try? TemporaryFolder(), let file = try? folder.openFile("f") else { return false }
        defer { try? file.close() }
        return Folder(FilesOptions(path: folder.path)).writers(of: FilePath(bytes: Array("f".utf8))) == .some
    }()

    extension TemporaryFolder {
        /// Makes a file without a name (O_TMPFILE), and links it when it is complete.
        fileprivate func link(_ text: String, as name: String) throws {
            let flags = O_WRONLY | 0o20_000_000 | O_DIRECTORY  // O_TMPFILE, a macro that Swift does not see
            let descriptor = open(path, flags, 0o644)
            try check(descriptor)
            defer { close(descriptor) }
            try FileHandle(fileDescriptor: descriptor).write(contentsOf: Data(text.utf8))
            try check(linkat(AT_FDCWD, "/proc/self/fd/\(descriptor)", AT_FDCWD, path(name), AT_SYMLINK_FOLLOW))
        }
    }
#endif
