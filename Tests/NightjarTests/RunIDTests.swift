import NightjarCore
import NightjarTestKit
import Testing

@Suite("Run ids")
struct RunIDTests {
    @Test("ids are UUIDs of version 7, grow strictly, and survive their text form")
    func growing() throws {
        var ids = RunIDGenerator()
        var generator = SeededGenerator(seed: 3)
        var last: RunID?
        // The clock stands still, steps back, and runs on.
        for microseconds in [
            1_800_000_000_000_000, 1_800_000_000_000_000, 1_799_999_000_000_000, 1_800_000_000_000_001,
        ] {
            for _ in 0..<5000 {
                let id = ids.next(microseconds: Int64(microseconds), using: &generator)
                if let last { #expect(last < id) }
                last = id
            }
        }
        let id = try #require(last)
        let text = id.description
        #expect(text.count == 36)
        #expect(Array(text)[14] == "7")
        #expect("89ab".contains(Array(text)[19]))
        #expect(RunID(text) == id && RunID(text.uppercased()) == id)
    }

    @Test(
        "what is no UUID is no id",
        arguments: [
            "", "01a3185c", "01a3185c-5110-7002-a70c-d6df5d49ce3", "01a3185c-5110-7002-a70c-d6df5d49ce30x",
            "01a3185c_5110-7002-a70c-d6df5d49ce30", "g1a3185c-5110-7002-a70c-d6df5d49ce30",
        ])
    func invalid(text: String) {
        #expect(RunID(text) == nil)
    }
}
