import Expressions
import Testing

@Suite("What an expression implies")
struct ImpliedStringsTests {
    @Test(
        "the strings that a path must be one of are found",
        arguments: [
            ("event.type == 'a'", ["a"]), ("'a' == event.type", ["a"]), ("event.type in ['a', 'b']", ["a", "b"]),
            ("event.type == 'a' && event.data.x > 1", ["a"]),
            ("event.data.x > 1 && event.type == 'a'", ["a"]), ("event.type == 'a' || event.type == 'b'", ["a", "b"]),
            ("event.type == 'a' || event.data.x > 1", nil), ("event.type != 'a'", nil), ("!(event.type == 'a')", nil),
            ("event.type in ['a', 'b'] && event.type in ['b', 'c']", ["b"]), ("event['type'] == 'a'", ["a"]),
            ("event.type == 'a' ? true : event.type == 'b'", ["a", "b"]), ("false", []), ("true", nil),
            ("event.type == event.id", nil),
            ("event.type in [event.id]", nil), ("event.type.startsWith('a')", nil), ("event.data.type == 'a'", nil),
            ("['a'].exists(t, t == event.type)", nil),
        ] as [(String, Set<String>?)])
    func found(_ source: String, _ expected: Set<String>?) throws {
        #expect(try CELExpression(source, in: Order.environment).impliedStrings(for: ["event", "type"]) == expected)
    }

    @Test("an expression is true for none but the strings that were found", arguments: 0..<20)
    func sound(seed: UInt64) throws {
        var generator = Mixer(state: seed &+ 77)
        func condition(_ depth: Int) -> String {
            let kind = Int.random(in: 0...(depth > 0 ? 9 : 4), using: &generator)
            let letter = ["a", "b", "c"].randomElement(using: &generator) ?? "a"
            return switch kind {
            case 0: "event.type == '\(letter)'"
            case 1: "'\(letter)' == event.type"
            case 2: "event.type in ['\(letter)', 'b']"
            case 3: ["true", "false", "1 / 0 == 1"].randomElement(using: &generator) ?? "true"
            case 4: "event.data.x == \(Int.random(in: 0...1, using: &generator))"
            case 5, 6: "(\(condition(depth - 1)) && \(condition(depth - 1)))"
            case 7: "(\(condition(depth - 1)) || \(condition(depth - 1)))"
            case 8: "!(\(condition(depth - 1)))"
            default: "(\(condition(depth - 1)) ? \(condition(depth - 1)) : \(condition(depth - 1)))"
            }
        }
        for _ in 0..<200 {
            let source = condition(3)
            let expression = try CELExpression(source, in: Order.environment)
            guard let implied = expression.impliedStrings(for: ["event", "type"]) else { continue }
            for type in ["a", "b", "c", "d"] where !implied.contains(type) {
                for x in 0...1 {
                    let isTrue = (try? expression.test([.object(Order(type, "{\"x\":\(x)}"))])) ?? false
                    #expect(!isTrue, "\(source) is true for \(type)")
                }
            }
        }
    }

    @Test("what is read is known")
    func reads() throws {
        let expression = try CELExpression(
            "event.data.total > 1 && event['id'] != '' && [1].all(x, event.data.a[x].b)", in: Order.environment)
        #expect(expression.reads == [["event", "data", "total"], ["event", "id"], ["event", "data", "a"]])
    }
}
