import Expressions
import Testing

@Suite("Operators")
struct OperatorTests {
    @Test(
        "operators bind as the language definition says",
        arguments: [
            Case("1 + 2 * 3", "7"), Case("(1 + 2) * 3", "9"), Case("10 - 3 - 2", "5"), Case("2 * 3 % 4", "2"),
            Case("-2 - -3", "1"), Case("!true || true", "true"), Case("!(true || true)", "false"),
            Case("--1", "1"), Case("!!true", "true"), Case("true || false && false", "true"),
            Case("1 < 2 == true", "true"), Case("true ? 1 : false ? 2 : 3", "1"),
            Case("false ? 1 : false ? 2 : 3", "3"),
            Case("1 + 1 == 2 && 'a' in ['a']", "true"), Case("-[1][0]", "-1"), Case("-1 + 2", "1"), Case("3 -1", "2"),
        ])
    func precedence(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }

    @Test(
        "arithmetic is exact, or an error",
        arguments: [
            Case("7 / 2", "3"), Case("-7 / 2", "-3"), Case("-7 % 3", "-1"), Case("7u % 4u", "3u"),
            Case("1 / 0", "error: divisionByZero"), Case("1 % 0", "error: divisionByZero"),
            Case("1u / 0u", "error: divisionByZero"), Case("1.0 / 0.0", "double(\"Infinity\")"),
            Case("0.0 / 0.0", "double(\"NaN\")"), Case("9223372036854775807 + 1", "error: overflow"),
            Case("-9223372036854775808 - 1", "error: overflow"), Case("-9223372036854775808 / -1", "error: overflow"),
            Case("-9223372036854775808 % -1", "error: overflow"), Case("-(-9223372036854775808)", "error: overflow"),
            Case("4611686018427387904 * 2", "error: overflow"), Case("0u - 1u", "error: overflow"),
            Case("18446744073709551615u + 1u", "error: overflow"), Case("1.5 + 2.25", "3.75"),
            Case("1e308 * 10.0", "double(\"Infinity\")"),
            Case("'a' + 'b'", "\"ab\""), Case("b'a' + b'b'", "b\"ab\""), Case("[1] + [2, 'a']", "[1, 2, \"a\"]"),
        ])
    func arithmetic(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }

    @Test(
        "operators that are not there for their operands are mistakes when that is known, else errors",
        arguments: [
            Case("1 + 1u", "mistake: int + uint is not there; expected int + int"),
            Case("1 + 'a'", "mistake: int + string is not there; expected int + int"),
            Case("1.0 % 2.0", "mistake: double % double is not there; expected one of int, uint before '%'"),
            Case(
                "true + true",
                "mistake: bool + bool is not there; expected one of int, uint, double, string, bytes, list, timestamp, duration before '+'"
            ),
            Case("-'a'", "mistake: -string is not there; expected an int or a double"),
            Case("!1", "mistake: the operand of ! is a int; expected a bool"),
            Case("1 && true", "mistake: an operand of && is a int; expected a bool"),
            Case("1 ? 2 : 3", "mistake: the condition of '?' is a int; expected a bool"),
            Case(
                "'a' < 1",
                "mistake: string < int is not there; expected two numbers, texts, bytes, bools, timestamps or durations"
            ),
            Case("1 in 2", "mistake: 'in' looks into a int; expected a list or a map"),
            Case("dyn(1) + 'a'", "error: noMatchingOverload"), Case("dyn(1) + 1u", "error: noMatchingOverload"),
            Case("-dyn('a')", "error: noMatchingOverload"), Case("dyn(1) && true", "error: noMatchingOverload"),
            Case("dyn('a') < 1", "error: noMatchingOverload"), Case("1 in dyn(2)", "error: noMatchingOverload"),
        ])
    func overloads(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }

    @Test(
        "equality compares numbers by value, anything else by type and value",
        arguments: [
            Case("1 == 1.0", "true"), Case("1u == 1", "true"), Case("1 == 1.5", "false"),
            Case("9007199254740993 == 9007199254740992.0", "false"), Case("18446744073709551615u == -1", "false"),
            Case("dyn(1) == 'a'", "false"), Case("1 != 'a'", "true"), Case("null == null", "true"),
            Case("dyn(0) == null", "false"), Case("[1, 2] == [1.0, 2u]", "true"), Case("[1] == [1, 2]", "false"),
            Case("{'a': 1, 'b': 2} == {'b': 2.0, 'a': 1u}", "true"), Case("{1: 'a'} == {1u: 'a'}", "true"),
            Case("{'a': 1} == {'a': 2}", "false"), Case("{'a': 1} == {'b': 1}", "false"),
            Case("0.0 / 0.0 == 0.0 / 0.0", "false"), Case("0.0 == -0.0", "true"), Case("b'a' == b'a'", "true"),
            Case("'a' == b'a'", "false"), Case(#"'\u00e9' == 'e\u0301'"#, "false"), Case("type(1) == int", "true"),
            Case("type(1) == type(1u)", "false"), Case("[[1], {'a': [2]}] == [[1], {'a': [2]}]", "true"),
            Case("timestamp('2026-01-01T00:00:00Z') == timestamp('2026-01-01T01:00:00+01:00')", "true"),
            Case("duration('60s') == duration('1m')", "true"), Case("true == true", "true"),
        ])
    func equality(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }

    @Test(
        "order is that of numbers, code points, bytes and time",
        arguments: [
            Case("1 < 2", "true"), Case("2 <= 2", "true"), Case("2 > 2", "false"), Case("2 >= 2", "true"),
            Case("1 < 1.5", "true"), Case("1u < 2", "true"), Case("-1 < 0u", "true"), Case("0u > -1", "true"),
            Case("9223372036854775807 < 9223372036854775808.0", "true"),
            Case("9223372036854775807 < 18446744073709551615u", "true"), Case("1.5 > 1u", "true"),
            Case("-1e300 < -9223372036854775808", "true"), Case("18446744073709551615u < 1e20", "true"),
            Case("0.0 / 0.0 < 1.0", "false"), Case("0.0 / 0.0 >= 1.0", "false"), Case("1 < 0.0 / 0.0", "false"),
            Case("'a' < 'b'", "true"), Case("'a' < 'aa'", "true"), Case("'Z' < 'a'", "true"),
            Case("'😀' > '\u{FFFD}'", "true"),
            Case("b'a' < b'b'", "true"), Case("b'' < b'a'", "true"), Case("false < true", "true"),
            Case("timestamp('2026-01-01T00:00:00Z') < timestamp('2026-01-01T00:00:00.001Z')", "true"),
            Case("duration('1s') > duration('999ms')", "true"),
        ])
    func ordering(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }

    @Test(
        "|| and && take an operand that decides, whatever the other is",
        arguments: [
            Case("true || 1 / 0 == 1", "true"), Case("1 / 0 == 1 || true", "true"),
            Case("false && 1 / 0 == 1", "false"),
            Case("1 / 0 == 1 && false", "false"), Case("1 / 0 == 1 || false", "error: divisionByZero"),
            Case("true && 1 / 0 == 1", "error: divisionByZero"), Case("dyn(1) || true", "true"),
            Case("dyn('a') && false", "false"), Case("dyn(1) || false", "error: noMatchingOverload"),
            Case("1 / 0 == 1 || [1][5] == 1 || true", "true"), Case("true && true && 1 / 0 == 1 && false", "false"),
            Case("false || false || true", "true"), Case("1 / 0 == 1 || {'a': 1}['b'] == 1", "error: divisionByZero"),
            Case("true ? 1 : 1 / 0", "1"), Case("false ? 1 / 0 : 2", "2"),
        ])
    func absorption(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }

    @Test(
        "in looks for equal elements, and for keys",
        arguments: [
            Case("1 in [3, 2, 1]", "true"), Case("1.0 in [1]", "true"), Case("'b' in ['a']", "false"),
            Case("dyn('a') in [1, 2]", "false"), Case("'a' in {'a': 1}", "true"), Case("1u in {1: 'a'}", "true"),
            Case("1.5 in {1: 'a'}", "false"), Case("1.0 in {1: 'a'}", "true"), Case("[1] in [[1]]", "true"),
            Case("1 in []", "false"), Case("null in [null]", "true"),
        ])
    func membership(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }
}
