import Testing

@testable import NightjarKafka

@Suite("How far a partition is done")
struct OffsetLedgerTests {
    @Test("the position is the first message that is not done, in whatever order they end")
    func position() {
        var ledger = OffsetLedger(start: 5)
        #expect(ledger.position == 5 && ledger.next == 5)
        let numbers = [5, 6, 9, 10].map { ledger.enter($0) }
        ledger.finish(numbers[1])
        ledger.finish(numbers[3])
        #expect(ledger.position == 5 && ledger.open == 2 && ledger.next == 11)
        ledger.finish(numbers[0])
        #expect(ledger.position == 9 && ledger.offset(of: numbers[2]) == 9)
        ledger.finish(numbers[2])
        #expect(ledger.position == 11 && ledger.open == 0)
    }

    @Test("without a start the first message tells the position")
    func unknownStart() {
        var ledger = OffsetLedger(start: nil)
        #expect(ledger.position == nil && ledger.next == nil)
        let number = ledger.enter(40)
        #expect(ledger.position == 40)
        ledger.finish(number)
        ledger.finish(number)
        #expect(ledger.position == 41 && ledger.open == 0)
    }

    @Test("a gap before the next message is no message left to do")
    func gap() {
        var ledger = OffsetLedger(start: 0)
        ledger.finish(ledger.enter(0))
        #expect(ledger.position == 1)
        let number = ledger.enter(7)
        #expect(ledger.position == 7)
        ledger.finish(number)
        #expect(ledger.position == 8)
    }

    @Test("it agrees with a plain count over any order of endings", arguments: 1...20)
    func model(seed: UInt64) {
        var random = SplitMix(state: seed)
        var ledger = OffsetLedger(start: 0)
        var open: [(number: Int, offset: Int64)] = []
        var next: Int64 = 0
        for _ in 0..<5000 {
            if open.isEmpty || Int.random(in: 0..<10, using: &random) < 5 {
                next += Int64.random(in: 0..<3, using: &random)
                open.append((ledger.enter(next), next))
                next += 1
            } else {
                let index = Int.random(in: 0..<open.count, using: &random)
                ledger.finish(open.remove(at: index).number)
            }
            #expect(ledger.position == open.map(\.offset).min() ?? next)
            #expect(ledger.open == open.count)
        }
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
        return z ^ z >> 31
    }
}
