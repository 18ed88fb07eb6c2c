import Testing

@testable import NightjarRabbitMQ

@Suite("Confirmations of a channel")
struct ConfirmTrackerTests {
    private func tracker(_ messages: String...) -> ConfirmTracker<String> {
        var tracker = ConfirmTracker<String>()
        for message in messages { tracker.publish(message) }
        return tracker
    }

    private func said(_ confirmed: [(String, ConfirmTracker<String>.Outcome)]) -> [String] {
        confirmed.map { "\($0.0) \($0.1)" }
    }

    @Test("one confirmation stands for one message, or for all up to it")
    func confirmed() {
        var tracker = tracker("a", "b", "c", "d")
        #expect(said(tracker.confirm(2, multiple: false, isTaken: true)) == ["b confirmed"])
        #expect(tracker.first == "a" && tracker.count == 3)
        #expect(said(tracker.confirm(3, multiple: true, isTaken: true)) == ["a confirmed", "c confirmed"])
        #expect(tracker.unconfirmed == ["d"])
        #expect(said(tracker.confirm(4, multiple: true, isTaken: false)) == ["d refused"])
        #expect(tracker.count == 0 && tracker.first == nil)
    }

    @Test("what was confirmed before, or never published, is confirmed no more")
    func unknown() {
        var tracker = tracker("a", "b")
        _ = tracker.confirm(1, multiple: false, isTaken: true)
        #expect(said(tracker.confirm(1, multiple: true, isTaken: true)) == [])
        #expect(said(tracker.confirm(3, multiple: true, isTaken: true)) == [])
        #expect(said(tracker.confirm(0, multiple: true, isTaken: true)) == [])
        #expect(tracker.count == 1)
        tracker.publish("c")
        #expect(said(tracker.confirm(3, multiple: true, isTaken: true)) == ["b confirmed", "c confirmed"])
    }

    @Test("what is given back is the oldest such message that is not known to be, and fails when it is confirmed")
    func givenBack() {
        var tracker = tracker("a", "x", "x", "b")
        tracker.giveBack(reason: "no queue") { $0 == "x" }
        tracker.giveBack(reason: "no queue either") { $0 == "x" }
        tracker.giveBack(reason: "nobody") { $0 == "x" }
        #expect(
            said(tracker.confirm(4, multiple: true, isTaken: true)) == [
                "a confirmed", #"x returned("no queue")"#, #"x returned("no queue either")"#, "b confirmed",
            ])
    }
}
