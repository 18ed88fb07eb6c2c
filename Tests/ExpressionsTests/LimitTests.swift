import Expressions
import Testing

@Suite("Limits")
struct LimitTests {
    @Test(
        "what would take long ends with an error",
        arguments: [
            "l.all(a, l.all(b, l.all(c, a + b + c >= 0)))", "l.map(a, l.map(b, l)).size()",
            "l.map(x, l.map(y, x * y)).flatten().sort()",
            "l.exists(a, l.exists(b, l.exists(c, 1 / 0 == 1)))", "l.map(x, l).map(x, l.map(y, x == l)).size() == 0",
            "l.filter(x, l.filter(y, l.filter(z, z < 0).size() == 0).size() == 0)",
            "cel.bind(a, l + l + l + l, cel.bind(b, a + a + a + a, b.map(x, b.map(y, b)).size() > 0))",
            "l.map(x, l.map(y, text + text)).size()", "l.all(x, l.all(y, text.contains('aaaaaaaaaab') == false))",
            "l.all(x, l.all(y, text.matches('(a*)*b') == false))",
            "l.all(x, l.all(y, text == text + ''))", "lists.range(1000000).map(x, lists.range(1000000))",
            "l.map(x, text.split('')).size()", "l.map(x, '%s'.format([l])).size()",
            "l.transformMap(i, x, l.transformMap(j, y, l)).size()",
            "[l, l].map(x, sets.contains(l.map(y, [y]), l.map(y, [y]))).size()",
            "l.sortBy(x, l.map(y, l.size() + y)[0]).size()",
            "l.all(x, l.all(y, event.data[999] == 999 && event.data[999] == 999))",
        ])
    func cost(_ source: String) throws {
        let list = Value.list((0..<1000).map { .int(Int64($0)) })
        let text = Value.string(String(repeating: "a", count: 10_000))
        let data = Value.map([
            ("data", try Value(json: Array("[\((0..<1000).map(String.init).joined(separator: ","))]".utf8)))
        ])
        let expression = try CELExpression(source, in: Environment([.init("l"), .init("text"), .init("event")]))
        let error = #expect(throws: EvaluationError.self) { try expression.evaluate([list, text, data]) }
        #expect(error?.code == .costLimit)
    }

    @Test("an ordinary expression over an ordinary event costs far less than it may")
    func ordinary() throws {
        let list = Value.list((0..<1000).map { .int(Int64($0)) })
        let expression = try CELExpression(
            "l.filter(x, x > 10).map(x, x * 2).exists(x, x == 40)", in: Environment([.init("l")]))
        #expect(try expression.evaluate([list], costLimit: 20_000) == true)
    }

    @Test("nesting, length and size of a source are limited")
    func sources() {
        let nested = String(repeating: "(", count: 101) + "1" + String(repeating: ")", count: 101)
        let sum = Array(repeating: "1", count: 1000).joined(separator: " + ")
        let not = String(repeating: "!", count: 1000) + "true"
        let chain = "a" + String(repeating: ".b", count: 1000)
        for source in [
            nested, sum, not, chain, String(repeating: "[", count: 10_000), String(repeating: " ", count: 100_001),
        ] {
            #expect(throws: ExpressionError.self) { try CELExpression(source, in: Environment([.init("a")])) }
        }
        let conditions = Array(repeating: "true", count: 1000).joined(separator: " && ")
        #expect(throws: Never.self) { try CELExpression(conditions) }
    }

    @Test("whatever is read, parsing and evaluating ends, and never crashes", arguments: 0..<40)
    func fuzz(seed: UInt64) {
        var generator = Mixer(state: seed)
        let pieces = [
            "1", "-", "2u", "1.5", "'a'", "b'\\xff'", "true", "null", "[", "]", "(", ")", "{", "}", ":", ",", ".", "?",
            "&&", "||", "==", "<", "in", "+", "*", "/", "%", "!", "a", "event", "size", "map", "all", "x", "has",
            "format", "\"%s\"",
            "replace", "matches", "timestamp", "duration", "'1h'", "9223372036854775807", "-9223372036854775808",
            "math.abs", "substring", "split", "optional.of", "[?", "slice", "sort", "\\", "`", "'", "\"", "\u{1F600}",
            "exists", "lastIndexOf", "int", "string", "1e308",
        ]
        let variables: [Value] = [.list([1, "a", 2.5]), .map([("type", "x"), ("data", .list([]))])]
        let environment = Environment([.init("a"), .init("event")])
        for _ in 0..<400 {
            let count = Int.random(in: 1...12, using: &generator)
            let source = (0..<count).map { _ in pieces.randomElement(using: &generator) ?? "" }.joined(
                separator: Bool.random(using: &generator) ? " " : "")
            guard let expression = try? CELExpression(source, in: environment) else { continue }
            _ = try? expression.evaluate(variables, costLimit: 10_000)
        }
    }
}

/// Random numbers from a seed (SplitMix64).
struct Mixer: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
