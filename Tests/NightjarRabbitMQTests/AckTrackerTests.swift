import Testing

@testable import NightjarRabbitMQ

@Suite("Acknowledgements of a channel")
struct AckTrackerTests {
    private func tracker(_ count: UInt64) -> AckTracker {
        var tracker = AckTracker()
        for tag in 1...count { tracker.deliver(tag) }
        return tracker
    }

    @Test("those done in turn are acknowledged by one")
    func contiguous() {
        var tracker = tracker(5)
        for tag: UInt64 in [1, 2, 3] { tracker.finish(tag) }
        #expect(tracker.takeContiguous() == AckTracker.Ack(tag: 3, multiple: true))
        #expect(tracker.takeContiguous() == nil)
        #expect(tracker.takeOutOfTurn().isEmpty)
        #expect(tracker.count == 2)
    }

    @Test("those done out of turn wait for those before them")
    func outOfTurn() {
        var tracker = tracker(4)
        tracker.finish(3)
        tracker.finish(2)
        #expect(tracker.takeContiguous() == nil)
        #expect(tracker.outOfTurn == 2)
        tracker.finish(1)
        #expect(tracker.takeContiguous() == AckTracker.Ack(tag: 3, multiple: true))
        #expect(tracker.outOfTurn == 0)
    }

    @Test("those that waited long enough are acknowledged one by one, and not again")
    func flushed() {
        var tracker = tracker(4)
        tracker.finish(2)
        tracker.finish(4)
        #expect(
            tracker.takeOutOfTurn() == [
                AckTracker.Ack(tag: 2, multiple: false), AckTracker.Ack(tag: 4, multiple: false),
            ])
        tracker.finish(1)
        #expect(tracker.takeContiguous() == AckTracker.Ack(tag: 1, multiple: true))
        tracker.finish(3)
        #expect(tracker.takeContiguous() == AckTracker.Ack(tag: 3, multiple: true))
        #expect(tracker.count == 0)
    }

    @Test("an acknowledgement of many never names one that was given back: the server would not know it")
    func givenBack() {
        var tracker = tracker(3)
        let (once, twice) = (tracker.giveBack(3), tracker.giveBack(3))
        #expect(once && !twice)
        tracker.finish(1)
        tracker.finish(2)
        #expect(tracker.takeContiguous() == AckTracker.Ack(tag: 2, multiple: true))
        var other = self.tracker(2)
        let both = (other.giveBack(1), other.giveBack(2), other.takeContiguous())
        #expect(both == (true, true, nil))
    }

    @Test("what is not open settles nothing")
    func unknown() {
        var tracker = tracker(2)
        tracker.finish(7)
        tracker.finish(0)
        #expect(tracker.giveBack(9) == false)
        tracker.finish(1)
        tracker.finish(1)
        #expect(tracker.takeContiguous() == AckTracker.Ack(tag: 1, multiple: true))
        #expect(tracker.count == 1)
    }

    @Test("every delivery is acknowledged once, however they end", arguments: [1, 2, 3] as [UInt64])
    func random(seed: UInt64) {
        var random = SplitMix(state: seed)
        var tracker = AckTracker()
        var open: Set<UInt64> = []
        var unacknowledged: Set<UInt64> = []
        var next: UInt64 = 1
        func apply(_ ack: AckTracker.Ack) {
            #expect(unacknowledged.contains(ack.tag))
            let meant: Set<UInt64> = ack.multiple ? unacknowledged.filter { $0 <= ack.tag } : [ack.tag]
            #expect(meant.isDisjoint(with: open))
            unacknowledged.subtract(meant)
        }
        for _ in 0..<20_000 {
            switch random.next() % 6 {
            case 0, 1, 2:
                tracker.deliver(next)
                open.insert(next)
                unacknowledged.insert(next)
                next += 1
            case 3, 4:
                guard let tag = open.randomElement(using: &random) else { continue }
                open.remove(tag)
                if random.next() % 8 == 0 {
                    #expect(tracker.giveBack(tag) == true)
                    unacknowledged.remove(tag)
                } else {
                    tracker.finish(tag)
                }
                if let ack = tracker.takeContiguous() { apply(ack) }
            default: for ack in tracker.takeOutOfTurn() { apply(ack) }
            }
        }
        for tag in open { tracker.finish(tag) }
        if let ack = tracker.takeContiguous() {
            open = []
            apply(ack)
        }
        #expect(unacknowledged.isEmpty)
        #expect(tracker.count == 0)
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
