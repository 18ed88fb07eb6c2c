import Expressions
import Testing

@Suite("Mistakes in expressions")
struct MistakeTests {
    @Test(
        "a mistake is told with its place and what was expected",
        arguments: [
            ("1 +", "1:4: got the end; expected a value\n  1 +\n     ^"),
            ("(1", "1:3: got the end; expected ')' after the expression in parentheses\n  (1\n    ^"),
            ("1 2", "1:3: got 2; expected an operator or the end\n  1 2\n    ^"),
            ("a = 1", "1:3: '=' is no operator; expected '==' to compare\n  a = 1\n    ^"),
            ("true & false", "1:6: '&' is no operator; expected '&&'\n  true & false\n       ^"),
            ("evnt.type", "1:1: unknown name \"evnt\"; did you mean \"event\"?\n  evnt.type\n  ^"),
            (
                "event.tpye == 'x'",
                "1:7: event has no field \"tpye\"; did you mean \"type\"?\n  event.tpye == 'x'\n        ^"
            ),
            (
                "event.type.startWith('x')",
                "1:12: unknown function \"startWith\"; did you mean \"startsWith\"?\n  event.type.startWith('x')\n             ^"
            ),
            ("sizee('a')", "1:1: unknown function \"sizee\"; did you mean \"size\"?\n  sizee('a')\n  ^"),
            (
                "math.greatst(1)",
                "1:6: unknown function \"math.greatst\"; did you mean \"math.greatest\"?\n  math.greatst(1)\n       ^"
            ),
            (
                "'a'.contains(1)",
                "1:5: contains() is not there for (string, int); expected (string, string)\n  'a'.contains(1)\n      ^"
            ),
            ("'a'.contains()", "1:5: contains() has 0 arguments; expected 1\n  'a'.contains()\n      ^"),
            (
                "contains('a', 'b')",
                "1:1: contains() is called another way; expected value.contains(…)\n  contains('a', 'b')\n  ^"
            ),
            ("'é' + x", "1:7: unknown name \"x\"; known names are event\n  'é' + x\n        ^"),
            (
                "1 == 1 ||\n\tnull + 2 == 2",
                "2:7: null + int is not there; expected one of int, uint, double, string, bytes, list, timestamp, duration before '+'\n  \tnull + 2 == 2\n  \t     ^"
            ),
            ("for", "1:1: \"for\" is a reserved word; expected a value or another name\n  for\n  ^"),
            (
                "Order{id: 1}",
                "1:6: messages of protocol buffers are not supported; expected an operator or the end\n  Order{id: 1}\n       ^"
            ),
            (
                "'a'.matches('(')",
                "1:13: the pattern is wrong: at 0: the group does not end; expected ')'\n  'a'.matches('(')\n              ^"
            ),
            (
                "event.type.more",
                "1:12: event.type is a string, which has no fields; expected a map or an object before '.more'\n  event.type.more\n             ^"
            ),
            ("", "1:1: got the end; expected a value\n  \n  ^"),
        ])
    func rendered(_ source: String, _ expected: String) {
        do {
            _ = try CELExpression(source, in: Order.environment)
            Issue.record("\(source) is taken")
        } catch {
            // The first mistake is the one that is meant; a part that is wrong may have another in what it is part of.
            #expect(error.description.hasPrefix(expected), "\(error)")
        }
    }

    @Test("all mistakes are told at once, in their order")
    func all() {
        do {
            _ = try CELExpression("evnt.type == 'a' && 1 + 'b' == 2 || event.data.siez()", in: Order.environment)
            Issue.record("it is taken")
        } catch {
            #expect(error.mistakes.map(\.column) == [1, 23, 48])
        }
    }

    @Test("an error of an evaluation says where it came from")
    func places() throws {
        let expression = try CELExpression("1 + [1][5]")
        do {
            _ = try expression.evaluate([])
            Issue.record("it has a value")
        } catch {
            #expect(error.offset == 7)
            #expect(error.message == "the list has no element 5; it has 1")
        }
    }

    @Test("the type of a value is known as far as it can be")
    func types() throws {
        let examples: [(String, ValueType)] = [
            ("1 + 1", .int), ("[1, 2]", .list(.int)), ("[1, 'a']", .list(.dyn)),
            ("{'a': [1]}", .map(.string, .list(.int))),
            ("[1].map(x, string(x))", .list(.string)), ("true ? 1 : 'a'", .dyn), ("event.type", .string),
            ("event.data.x", .dyn),
            ("[1].first()", .optional(.int)), ("timestamp(0) - timestamp(1)", .duration),
            ("optional.of(1).orValue(2)", .int),
            ("'a' in ['a']", .bool), ("dyn(1) + dyn(2)", .dyn), ("event.?type", .optional(.string)),
        ]
        for (source, type) in examples {
            #expect(try CELExpression(source, in: Order.environment).resultType == type, "\(source)")
        }
    }
}
