import CloudEvents
import Nightjar
import NightjarCore
import NightjarTestKit
import Testing

@Suite("Reload")
struct ReloadTests {
    @Test("an attempt whose job a reload took away keeps its timeout", .timeLimit(.minutes(1)))
    func timeoutAfterReload() async throws {
        let (started, continuation) = AsyncStream.makeStream(of: Void.self)
        let job = Job("slow", policy: JobPolicy(retry: .never, timeout: .milliseconds(200))) { _ in
            continuation.yield()
            try await Task.sleep(for: .seconds(3600))
        }
        let runtime = try Runtime(store: MemoryStore(), jobs: [job], triggers: [])
        let updates = runtime.updates()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runtime.run() }
            let event = Event(id: "1", source: "/test", type: "test")
            let run = try await runtime.intake.accept([IncomingEvent(event, to: .job("slow", runAt: nil))])[0].runs[0]
            for await _ in started { break }
            try runtime.reload(jobs: [], triggers: [])
            for await update in updates where update.run == run && update.state.isFinished { break }
            let ended = try #require(try await runtime.store.run(run))
            #expect(ended.state == .dead)
            #expect(ended.attempts.map(\.outcome) == [.timedOut])
            group.cancelAll()
        }
    }
}
