import CloudEvents
import NightjarCore
import Testing

@testable import Nightjar

@Suite("What is settled next, and which expired leases count")
struct SettleQueueTests {
    private func settlement(_ token: FencingToken) -> Settlement {
        Settlement(
            lease: Lease(run: RunID(high: 1, low: UInt64(token)), token: token, node: "n", expiresAt: .distantFuture),
            attempt: nil, transition: .release, at: .distantPast)
    }

    /// What is to be done, in short.
    private func next(_ queue: inout SettleQueue, at seconds: Int) -> String {
        switch queue.next(now: .seconds(seconds)) {
        case .settle(let batch): "settle \(batch.map(\.lease.token))"
        case .settleAgain(let one, let refusals): "again \(one.lease.token) after \(refusals)"
        case .wait(let duration): "wait \(duration.map { "\($0)" } ?? "")"
        case .end: "end"
        }
    }

    @Test("what was refused alone is tried later, and in turns with what comes new")
    func refused() {
        var queue = SettleQueue()
        #expect(next(&queue, at: 0) == "wait ")
        for token in 1...1001 { queue.submit(settlement(Int64(token))) }
        #expect(next(&queue, at: 0) == "settle \(Array(1...1000))")
        #expect(next(&queue, at: 0) == "settle [1001]")
        queue.setAside(settlement(1), refusals: 1, now: .zero)
        queue.setAside(settlement(2), refusals: 99, now: .zero)
        #expect(next(&queue, at: 0) == "wait 0.1 seconds")
        queue.submit(settlement(3))
        #expect(next(&queue, at: 1) == "again 1 after 1")
        queue.submit(settlement(4))
        #expect(next(&queue, at: 9) == "settle [3, 4]")
        queue.submit(settlement(5))
        #expect(next(&queue, at: 9) == "again 2 after 99")
        queue.finish()
        #expect(next(&queue, at: 9) == "settle [5]")
        #expect(next(&queue, at: 9) == "end")
    }

    @Test("the end waits for what was refused, and giving up tries it at once")
    func end() {
        var queue = SettleQueue()
        queue.setAside(settlement(1), refusals: 6, now: .zero)
        queue.finish()
        #expect(next(&queue, at: 0) == "wait 3.2 seconds")
        queue.giveUp()
        #expect(next(&queue, at: 0) == "again 1 after 6")
        #expect(next(&queue, at: 0) == "end")
    }

    private func at(_ seconds: Int) -> Timestamp { Timestamp(microsecondsSince1970: 0) + .seconds(seconds) }

    @Test("expired leases count, unless time leapt since the last look: then not for a lease's time")
    func leap() {
        var trust = ExpiryTrust(interval: .seconds(5), lease: .seconds(30))
        var looks: [Bool] = []
        for second in [0, 5, 10, 25] { looks.append(trust.look(now: at(second), elapsed: .seconds(second))) }
        #expect(looks == [true, true, true, true], "a lease's third is no leap")
        looks = []
        // The clock was set an hour ahead; elapsed time goes on evenly.
        for second in [30, 35, 40, 55, 60, 65] {
            looks.append(trust.look(now: at(second + 3600), elapsed: .seconds(second)))
        }
        #expect(looks == [false, false, false, false, true, true])
        // The machine slept: both leap.
        looks = []
        for second in [10_000, 10_005, 10_020, 10_030] {
            looks.append(trust.look(now: at(second + 3600), elapsed: .seconds(second)))
        }
        #expect(looks == [false, false, false, true])
        // Set back, nothing has expired that had not before.
        let back = trust.look(now: at(100), elapsed: .seconds(10_035))
        #expect(back)
        trust.doubt(elapsed: .seconds(10_036))
        let afterFailure = [
            trust.look(now: at(105), elapsed: .seconds(10_040)), trust.look(now: at(110), elapsed: .seconds(10_070)),
        ]
        #expect(afterFailure == [false, true])
    }
}
