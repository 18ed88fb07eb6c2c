import CloudEvents
import Foundation
import NightjarCore
import Synchronization
import Testing

@testable import NightjarFiles

extension FilesSourceTests {
    @Test("an intake that is full gets the same batch again until it takes it", arguments: modes)
    func fullIntake(_ mode: FilesOptions.Mode) async throws {
        let refusals = Atomic<Int>(0)
        for number in 0..<250 {
            try folder.write("x", to: "\(number)")
            try folder.age("\(number)")
        }
        intake.refuse { batch in
            #expect(batch.count <= 100)
            guard refusals.add(1, ordering: .relaxed).oldValue < 3 else { return nil }
            return IntakeError(.full, "full", retryAfter: .milliseconds(5))
        }
        try await watching(folder.path, intake, mode: mode) {
            let snapshot = try await intake.wait("all") { $0.events.count == 250 }
            #expect(
                snapshot.health.contains {
                    if case .failing(let reason) = $0 { reason.contains("full") } else { false }
                })
            try await intake.wait("running again") { $0.health.last == .running }
        }
        #expect(intake.snapshot.duplicates == 0)
        #expect(intake.snapshot.present.count == 250)
    }

    @Test("an event that is refused for good keeps no other waiting", arguments: modes)
    func refusedForGood(_ mode: FilesOptions.Mode) async throws {
        for name in ["a", "bad", "c"] {
            try folder.write("x", to: name)
            try folder.age(name)
        }
        intake.refuse { batch in
            let index = batch.firstIndex { $0.event.subject == "bad" }
            return index.map { IntakeError(.invalidEvent, "bad", index: $0) }
        }
        try await watching(folder.path, intake, mode: mode) {
            try await intake.wait(for: ["created a", "created c"])
            try folder.write("x", to: "d")
            try await intake.wait(for: ["created a", "created c", "created d"])
            intake.refuse { _ in nil }
            try folder.write("better", to: "bad")
            try await intake.wait(for: ["created a", "created c", "created d", "changed bad"])
        }
    }

    @Test("a file too large for the intake is reported without its content", arguments: modes)
    func tooLargeForIntake(_ mode: FilesOptions.Mode) async throws {
        intake.refuse { batch in
            let index = batch.firstIndex { ($0.event.data?.count ?? 0) > 10 }
            return index.map { IntakeError(.tooLarge, "too large", index: $0) }
        }
        try await watching(folder.path, intake, mode: mode) {
            try folder.write(String(repeating: "x", count: 11), to: "large")
            try folder.write("x", to: "small")
            let events = try await intake.wait(for: ["created large", "created small"]).events
            let large = try #require(events.first { $0.subject == "large" })
            #expect(large.data == nil && large.dataContentType == nil)
            #expect(large.extensions["truncated"] == .boolean(true))
        }
    }
}
