import CloudEvents
import Foundation
import NightjarCore
import NightjarTestKit
import Testing

@testable import NightjarFiles

extension FilesSourceTests {
    /// Waits until the poller has looked and sleeps, then lets it look again.
    private func look(_ clock: SimulatedClock) async throws {
        let deadline = ContinuousClock.now + .seconds(30)
        while clock.nextDeadline == nil {
            try #require(ContinuousClock.now < deadline)
            await Task.yield()
        }
        #expect(clock.advanceToNextDeadline())
        while clock.nextDeadline == nil {
            try #require(ContinuousClock.now < deadline)
            await Task.yield()
        }
    }

    @Test("polling reports a file once it did not grow from one look to the next")
    func growingFile() async throws {
        let clock = SimulatedClock()
        let file = try folder.openFile("slow")
        try await watching(folder.path, intake, mode: .polling, time: clock, { $0.interval = .seconds(2) }) {
            for number in 0..<3 {
                try file.write(contentsOf: Data("\(number)".utf8))
                try await look(clock)
                #expect(intake.snapshot.events.isEmpty)
            }
            try file.close()
            try await look(clock)
            #expect(intake.snapshot.inOrder == ["created slow"])
            #expect(intake.snapshot.events.first?.data == Array("012".utf8))
            try await look(clock)
            #expect(intake.snapshot.events.count == 1)
        }
    }

    #if os(Linux)
        @Test(
            "polling waits for a writer that pauses, but not for one that keeps its file open and writes no more",
            .enabled(if: systemTellsWriters, "the system does not tell who writes to a file of the temporary folder"))
        func pausingWriterPolled() async throws {
            let clock = SimulatedClock()
            let file = try folder.openFile("slow")
            try file.write(contentsOf: Data("half".utf8))
            try await watching(folder.path, intake, mode: .polling, time: clock) {
                for _ in 0..<3 { try await look(clock) }
                #expect(intake.snapshot.events.isEmpty)
                try file.write(contentsOf: Data(" and half".utf8))
                try file.close()
                for _ in 0..<2 { try await look(clock) }
                #expect(intake.snapshot.inOrder == ["created slow"])
                #expect(intake.snapshot.events.first?.data == Array("half and half".utf8))
                let log = try folder.openFile("log")
                defer { try? log.close() }
                for _ in 0..<30 { try await look(clock) }
                #expect(intake.snapshot.inOrder == ["created slow"])
                for _ in 0..<2 { try await look(clock) }
                #expect(intake.snapshot.inOrder == ["created slow", "created log"])
            }
        }
    #endif

    @Test("polling does not report a file that came and went between two looks")
    func shortLived() async throws {
        let clock = SimulatedClock()
        try await watching(folder.path, intake, mode: .polling, time: clock) {
            try folder.write("x", to: "short")
            try await look(clock)
            try folder.remove("short")
            try await look(clock)
            try await look(clock)
            #expect(intake.snapshot.events.isEmpty)
        }
    }
}
