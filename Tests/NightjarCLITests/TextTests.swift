import Expressions
import Testing

@testable import NightjarCLI

@Suite("Durations, sizes, addresses, names and variables as text")
struct TextTests {
    @Test(
        "durations are read",
        arguments: [
            ("500ms", Duration.milliseconds(500)), ("30s", .seconds(30)), ("1h30m", .seconds(5400)),
            ("2d", .seconds(172_800)),
            ("1.5s", .milliseconds(1500)), ("0s", .zero), ("1w", .seconds(604_800)),
            ("36525d", .seconds(3_155_760_000)),
        ])
    func durations(text: String, duration: Duration) {
        #expect(DurationText.duration(text) == duration)
    }

    @Test(
        "what is no duration is refused",
        arguments: [
            "", "5", "s", "5 s", "-1s", "1m1h", "1s1s", "1..5s", ".5s", "5.s", "1y", "1S", "٣s", "36526d", "1e3s",
            "9999999999999999s",
        ])
    func noDurations(text: String) {
        #expect(DurationText.duration(text) == nil)
    }

    @Test(
        "durations are written in their shortest form",
        arguments: [(Duration.zero, "0s"), (.milliseconds(1500), "1s500ms"), (.seconds(90_061), "1d1h1m1s")])
    func durationTexts(duration: Duration, text: String) {
        #expect(DurationText.text(duration) == text)
    }

    @Test(
        "sizes are read, and what is none is refused",
        arguments: [
            ("512", 512), ("512B", 512), ("64KiB", 65_536), ("1MB", 1_000_000), ("2GiB", 2 << 30), ("", nil),
            ("1 MB", nil),
            ("1mb", nil), ("-1", nil), ("99999999999GiB", nil), ("1.5MB", nil),
        ] as [(String, Int?)])
    func sizes(text: String, bytes: Int?) {
        #expect(SizeText.bytes(text) == bytes)
    }

    @Test(
        "addresses are read, and what is none is refused",
        arguments: [
            ("127.0.0.1:8080", "127.0.0.1:8080"), ("localhost:0", "localhost:0"), ("[::1]:80", "[::1]:80"),
            (":80", nil),
            ("8080", nil), ("a:65536", nil), ("a b:1", nil), ("::1:80", nil), ("[x]:1", nil), ("http://a:1", nil),
            ("a:+1", nil),
        ] as [(String, String?)])
    func addresses(text: String, expected: String?) {
        #expect(Address(text).map(\.description) == expected)
    }

    @Test(
        "loopback addresses are known",
        arguments: [
            ("127.0.0.1:1", true), ("127.9.9.9:1", true), ("localhost:1", true), ("[::1]:1", true),
            ("0.0.0.0:1", false),
            ("127.example.com:1", false), ("127.0.0.1.example.com:1", false),
        ])
    func loopback(text: String, isLoopback: Bool) throws {
        #expect(try #require(Address(text)).isLoopback == isLoopback)
    }

    @Test("the nearest name is the one with the fewest slips, if any is near")
    func nearest() {
        #expect(NearestName.of("tiemout", among: ["timeout", "retry"]) == "timeout")
        #expect(NearestName.of("Retry", among: ["timeout", "retry"]) == "retry")
        #expect(NearestName.of("zebra", among: ["timeout", "retry"]) == nil)
        #expect(NearestName.of("x", among: []) == nil)
        #expect(NearestName.distance("", "abc") == 3)
    }

    @Test("variables, defaults and escapes are replaced")
    func interpolation() {
        let environment = ["A": "1", "EMPTY": "", "B": "${A}"]
        func replaced(_ text: String) -> String {
            Interpolation.replaced(in: text, environment: { environment[$0] }).text
        }
        #expect(replaced("x${A}y${A}") == "x1y1")
        #expect(replaced("${NONE:-fallback}") == "fallback")
        #expect(replaced("${EMPTY}|${EMPTY:-e}|${NONE:-}") == "|e|")
        #expect(replaced("$${A} $A $ {A}") == "${A} $A $ {A}")
        #expect(replaced("${B}") == "${A}", "what a variable holds is not replaced again")
    }

    @Test("every missing variable is told")
    func missing() {
        let mistakes = Interpolation.replaced(in: "${A}-${B}", environment: { _ in nil }).mistakes
        #expect(mistakes.map(\.offset) == [0, 5])
    }
}
