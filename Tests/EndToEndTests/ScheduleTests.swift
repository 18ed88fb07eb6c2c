import Foundation
import Testing

@Suite("Schedules, from outside", .serialized)
struct ScheduleTests {
    private static let configuration = """
        store: sqlite:nightjar.db
        http: { listen: 127.0.0.1:PORT }
        jobs:
          note: { command: [sh, -c, 'echo "$NIGHTJAR_EVENT_TIME $(cat)" >> ticks'] }
        triggers:
          often: { every: { interval: 1s, missed: all }, start: note }
          nightly: { cron: { at: "0 3 * * *", timeZone: Asia/Ho_Chi_Minh }, start: note }
        """

    private func ticks(_ node: NodeProcess) -> [String] {
        let text = (try? String(contentsOfFile: node.path("ticks"), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").compactMap { $0.split(separator: " ").first.map(String.init) }
    }

    @Test("a job is done each second, and after a kill every tick is made up for, once")
    func everySecond() async throws {
        let node = try NodeProcess(Self.configuration)
        let check = try node.nightjar("check")
        #expect(check.status == 0 && check.output.hasPrefix("nightjar.yaml has no mistakes: 1 job, 2 triggers.\n"))
        #expect(check.output.contains("nightly ticks next at ") && check.output.contains("T03:00:00+07:00"))
        try await node.start()
        try await node.eventually("three ticks", within: 30) { ticks(node).count >= 3 }
        node.kill()
        let before = Set(ticks(node))
        let afterTwoTicks = Date().addingTimeInterval(2.5)
        try await node.eventually("two ticks were missed", within: 60) { Date() > afterTwoTicks }
        try await node.start()
        // No second is left out, the ones while the node was dead included. They are done side by side, in any order.
        try await node.eventually("ticks after the kill, one for each second") {
            let times = Set(ticks(node)).compactMap { ISO8601DateFormatter().date(from: $0)?.timeIntervalSince1970 }
                .sorted()
            return times.count >= before.count + 5 && zip(times, times.dropFirst()).allSatisfy { $1 - $0 == 1 }
        }
        #expect(try await node.stop() == 0)
        let started = try node.nightjar("events", "list", "--json").output
        #expect(started.contains("nightjar.schedule.tick"))
        let triggers = try node.nightjar("triggers", "list").output
        #expect(triggers.contains("every 1s") && triggers.contains("0 3 * * *"), "\(triggers)")
    }
}
