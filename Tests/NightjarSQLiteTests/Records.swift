import CloudEvents
import NightjarCore
import NightjarTestKit

/// What the tests of this store put into it.
enum Records {
    static let start = Timestamp(microsecondsSince1970: 1_800_000_000_000_000)

    /// Events `e<number>`, each with one run of the job `a`.
    static func make(_ count: Int, from first: Int = 0, job: String = "a", runAt: Timestamp = start) -> [IntakeRecord] {
        var ids = RunIDGenerator()
        var generator = SeededGenerator(seed: UInt64(first + 1))
        return (first..<first + count).map { number in
            IntakeRecord(
                event: Event(id: "e\(number)", source: "/test", type: "test"), acceptedAt: start,
                runs: [
                    NewRun(
                        id: ids.next(microseconds: start.microsecondsSince1970 + Int64(number), using: &generator),
                        job: job, trigger: "t", runAt: runAt)
                ])
        }
    }

    /// A claim of runs of the job `a` for 30 seconds.
    static func claim(
        _ node: String = "n", limit: Int = 100, at now: Timestamp = start
    ) -> ClaimRequest {
        ClaimRequest(
            node: node, now: now, leaseExpiresAt: now + .seconds(30), demands: [.init(job: "a", limit: limit)],
            limit: limit)
    }
}
