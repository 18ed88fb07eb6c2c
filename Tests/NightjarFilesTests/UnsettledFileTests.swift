import NightjarCore
import Testing

@testable import NightjarFiles

@Suite("When a file that may still be written to is complete")
struct UnsettledFileTests {
    private let half = FileVersion(inode: 1, sizeBytes: 4, modifiedNanoseconds: 1)
    private let whole = FileVersion(inode: 1, sizeBytes: 8, modifiedNanoseconds: 2)

    /// What is made of looks at a file that was first seen at 10 s, with an interval of 2 s.
    private func answers(
        _ first: FileVersion?, isAnnounced: Bool = false,
        _ looks: (seconds: Int, version: FileVersion?, writers: UnsettledFile.Writers)...
    ) -> [Bool] {
        var file = UnsettledFile(first, isAnnounced: isAnnounced, now: .seconds(10), interval: .seconds(2))
        return looks.map { file.isComplete($0.version, $0.writers, now: .seconds($0.seconds)) }
    }

    @Test("it is due after the interval, and after each look again")
    func due() {
        var file = UnsettledFile(half, isAnnounced: false, now: .seconds(10), interval: .seconds(2))
        #expect(file.due == .seconds(12))
        _ = file.isComplete(half, .some, now: .seconds(13))
        #expect(file.due == .seconds(15))
    }

    @Test("how long it has rested already counts")
    func age() {
        var file = UnsettledFile(half, age: .seconds(5), isAnnounced: false, now: .seconds(10), interval: .seconds(2))
        #expect(file.due == .seconds(10))
        let isComplete = file.isComplete(half, .unknown, now: .seconds(10))
        #expect(isComplete)
        #expect(
            UnsettledFile(half, age: .seconds(1), isAnnounced: false, now: .seconds(10), interval: .seconds(2)).due
                == .seconds(11))
    }

    @Test("it is complete once nobody writes to it and it is as it was")
    func nobody() {
        #expect(answers(half, (12, whole, .none), (14, whole, .none)) == [false, true])
    }

    @Test("it is not while somebody has it open, however long it rests")
    func somebody() {
        #expect(answers(half, (12, half, .some), (5000, half, .some), (5002, half, .none)) == [false, false, true])
    }

    @Test("where the system does not tell, it rests for an interval, and for thirty if its end is to be announced")
    func unknown() {
        #expect(answers(half, (12, half, .unknown)) == [true])
        #expect(answers(half, isAnnounced: true, (69, half, .unknown), (70, half, .unknown)) == [false, true])
        #expect(
            answers(half, isAnnounced: true, (69, whole, .unknown), (128, whole, .unknown), (129, whole, .unknown))
                == [false, false, true])
    }

    @Test("one that could not be looked at is looked at twice more")
    func unseen() {
        #expect(answers(nil, (12, nil, .none), (14, half, .none), (16, half, .none)) == [false, false, true])
    }
}
