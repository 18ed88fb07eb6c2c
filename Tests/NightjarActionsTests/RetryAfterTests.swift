import Testing

@testable import NightjarActions

@Suite("Retry-After and HTTP dates")
struct RetryAfterTests {
    @Test(
        "the three forms of a date are one moment",
        arguments: ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"])
    func forms(text: String) {
        #expect(RetryAfter.seconds(ofDate: text) == 784_111_777)
    }

    @Test(
        "days are counted as the calendar does",
        arguments: [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
            ("Tue, 29 Feb 2000 12:00:00 GMT", 951_825_600), ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400), ("Fri, 31 Dec 2027 23:59:60 GMT", 1_830_297_600),
            ("Friday, 01-Jan-69 00:00:00 GMT", 3_124_224_000),
        ] as [(String, Int64)])
    func calendar(text: String, seconds: Int64) {
        #expect(RetryAfter.seconds(ofDate: text) == seconds)
    }

    @Test(
        "what is no date is none",
        arguments: [
            "", "soon", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 PST", "Sun, 6 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nux 1994 08:49:37 GMT", "Sun, 32 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 19945 08:49:37 GMT", "Sun, 06 Nov -994 08:49:37 GMT", "1994-11-06T08:49:37Z", "-5", "1.5",
            "+5",
        ])
    func rubbish(text: String) {
        #expect(RetryAfter.seconds(ofDate: text) == nil)
        #expect(RetryAfter.wait(text, date: nil, now: 0) == nil)
    }

    @Test("a date is counted from the answer's date, or else from now; the past is now, the far future a day")
    func wait() {
        let until = "Sun, 06 Nov 1994 08:49:37 GMT"
        #expect(RetryAfter.wait(until, date: "Sun, 06 Nov 1994 08:49:30 GMT", now: 0) == .seconds(7))
        #expect(RetryAfter.wait(until, date: nil, now: 784_111_770) == .seconds(7))
        #expect(RetryAfter.wait(until, date: "?", now: 784_111_770) == .seconds(7))
        #expect(RetryAfter.wait(until, date: "Sun, 06 Nov 1994 08:50:00 GMT", now: 0) == .zero)
        #expect(RetryAfter.wait(until, date: nil, now: 0) == .seconds(86_400))
        #expect(RetryAfter.wait(" 12 ", date: nil, now: 0) == .seconds(12))
    }
}
