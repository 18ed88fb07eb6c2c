import Expressions
import Testing

@Suite("Functions")
struct FunctionTests {
    @Test(
        "standard string functions",
        arguments: [
            Case("size('añb')", "3"), Case("'😀'.size()", "1"), Case("size(b'añ')", "3"), Case("size([1, 2])", "2"),
            Case("{'a': 1}.size()", "1"), Case("'hello'.contains('ell')", "true"), Case("'hello'.contains('')", "true"),
            Case("'aab'.contains('ab')", "true"), Case("'ab'.contains('abc')", "false"),
            Case("'hello'.startsWith('he')", "true"),
            Case("'hello'.endsWith('lo')", "true"), Case("'lo'.endsWith('hello')", "false"),
            Case("'abc'.matches('^a.c$')", "true"), Case("matches('xaby', 'ab+')", "true"),
            Case("'abc'.matches('^b')", "false"),
            Case("'a'.matches(dyn('('))", "error: invalidArgument"),
        ])
    func strings(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }

    @Test(
        "the strings extension",
        arguments: [
            Case("'tacocat'.charAt(3)", "\"o\""), Case("'abc'.charAt(3)", "\"\""),
            Case("'abc'.charAt(4)", "error: indexOutOfBounds"),
            Case("'hello mellow'.indexOf('ello')", "1"), Case("'hello mellow'.indexOf('jello')", "-1"),
            Case("'abc'.indexOf('')", "0"),
            Case("'hello mellow'.indexOf('ello', 2)", "7"), Case("'ab'.indexOf('b', -1)", "error: indexOutOfBounds"),
            Case("'hello mellow'.lastIndexOf('ello')", "7"), Case("'hello mellow'.lastIndexOf('ello', 6)", "1"),
            Case("'abc'.lastIndexOf('')", "3"), Case("'aaa'.lastIndexOf('aa')", "1"),
            Case("'a'.lastIndexOf('aa')", "-1"),
            Case("['hello', 'mellow'].join()", "\"hellomellow\""), Case("['a', 'b'].join('-')", "\"a-b\""),
            Case("[].join('-')", "\"\""),
            Case("'TacoCat Ñ'.lowerAscii()", "\"tacocat Ñ\""), Case("'abcñ'.upperAscii()", "\"ABCñ\""),
            Case("'hello hello'.replace('he', 'we')", "\"wello wello\""),
            Case("'hello hello'.replace('he', 'we', 1)", "\"wello hello\""),
            Case("'abc'.replace('', '-')", "\"-a-b-c-\""), Case("'abc'.replace('b', '', 0)", "\"abc\""),
            Case("'aaa'.replace('aa', 'b')", "\"ba\""),
            Case("'a b c'.split(' ')", "[\"a\", \"b\", \"c\"]"), Case("'a b c'.split(' ', 2)", "[\"a\", \"b c\"]"),
            Case("'a b'.split(' ', 0)", "[]"), Case("'abc'.split('')", "[\"a\", \"b\", \"c\"]"),
            Case("''.split(',')", "[\"\"]"),
            Case("'tacocat'.substring(4)", "\"cat\""), Case("'tacocat'.substring(0, 4)", "\"taco\""),
            Case("'abc'.substring(2, 1)", "error: indexOutOfBounds"),
            Case("'abc'.substring(4)", "error: indexOutOfBounds"),
            Case("' \\t\\u2003trim\\n '.trim()", "\"trim\""), Case("'gums'.reverse()", "\"smug\""),
            Case("'añ😀'.reverse()", "\"😀ña\""),
            Case(#"strings.quote('a "b"\n')"#, #""\"a \\\"b\\\"\\n\"""#),
        ])
    func texts(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }

    @Test(
        "format",
        arguments: [
            Case("'%s is %d'.format(['x', 3])", "\"x is 3\""), Case("'%d%%'.format([5u])", "\"5%\""),
            Case("'%.2f'.format([2.345])", "\"2.35\""),
            Case("'%f'.format([1])", "\"1.000000\""), Case("'%.1e'.format([1234.5])", "\"1.2e+03\""),
            Case("'%b'.format([5])", "\"101\""),
            Case("'%b'.format([true])", "\"1\""), Case("'%o'.format([8])", "\"10\""),
            Case("'%x %X'.format([255, 255])", "\"ff FF\""),
            Case("'%x'.format(['hi'])", "\"6869\""),
            Case("'%s'.format([[1, 'a', null, 2.5, true]])", "\"[1, a, null, 2.5, true]\""),
            Case("'%s'.format([{'b': 1, 'a': 2}])", "\"{a: 2, b: 1}\""),
            Case("'%s'.format([duration('90s')])", "\"90s\""),
            Case("'%s'.format([timestamp('2026-01-31T08:00:00Z')])", "\"2026-01-31T08:00:00Z\""),
            Case("'%s'.format([int])", "\"int\""),
            Case("'%s'.format([0.0 / 0.0])", "\"NaN\""), Case("'%s %s'.format(['a'])", "error: indexOutOfBounds"),
            Case("'%d'.format(['a'])", "error: invalidArgument"), Case("'%q'.format([1])", "error: invalidArgument"),
            Case("'%'.format([1])", "error: invalidArgument"),
            Case("'%.999f'.format([1.0])", "error: invalidArgument"),
        ])
    func format(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }

    @Test(
        "conversions",
        arguments: [
            Case("int('42')", "42"), Case("int('-7')", "-7"), Case("int('4.2')", "error: invalidArgument"),
            Case("int(2.9)", "2"), Case("int(-2.9)", "-2"),
            Case("int(9223372036854775808.0)", "error: overflow"), Case("int(0.0 / 0.0)", "error: overflow"),
            Case("int(7u)", "7"),
            Case("int(18446744073709551615u)", "error: overflow"), Case("int(timestamp('1970-01-01T00:01:00Z'))", "60"),
            Case("uint(5)", "5u"), Case("uint(-1)", "error: overflow"), Case("uint(3.9)", "3u"),
            Case("uint('9')", "9u"), Case("uint(-0.5)", "0u"),
            Case("double('1.5')", "1.5"), Case("double(2)", "2.0"), Case("double('x')", "error: invalidArgument"),
            Case("string(1)", "\"1\""),
            Case("string(1u)", "\"1\""), Case("string(1.5)", "\"1.5\""), Case("string(2.0)", "\"2\""),
            Case("string(true)", "\"true\""), Case("string(b'abc')", "\"abc\""),
            Case(#"string(b'\xff')"#, "error: invalidArgument"), Case("bytes('añ')", #"b"a\xc3\xb1""#),
            Case("bool('true')", "true"), Case("bool('0')", "false"),
            Case("bool('yes')", "error: invalidArgument"), Case("string(duration('1.5s'))", "\"1.500s\""),
            Case("type(1.5)", "double"),
            Case("type(null)", "null_type"), Case("type(type(1))", "type"), Case("type([])", "list"),
            Case("type({})", "map"),
            Case("type(timestamp(0))", "google.protobuf.Timestamp"), Case("type(optional.none())", "optional_type"),
            Case("dyn(1)", "1"),
            Case("timestamp(1)", "timestamp(\"1970-01-01T00:00:01Z\")"),
            Case(
                "int(true)",
                "mistake: int() is not there for (bool); expected (int) or (uint) or (double) or (string) or (timestamp) or (duration)"
            ),
        ])
    func conversions(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }

    @Test(
        "timestamps and durations",
        arguments: [
            Case("timestamp('2026-02-28T23:59:59Z') + duration('1s')", "timestamp(\"2026-03-01T00:00:00Z\")"),
            Case("timestamp('2024-02-28T23:59:59Z') + duration('1s')", "timestamp(\"2024-02-29T00:00:00Z\")"),
            Case("timestamp('2026-01-02T00:00:00Z') - timestamp('2026-01-01T00:00:00Z')", "duration(\"86400s\")"),
            Case("timestamp('2026-01-01T00:00:00Z') - duration('1ms')", "timestamp(\"2025-12-31T23:59:59.999Z\")"),
            Case("duration('1h') + duration('30m')", "duration(\"5400s\")"),
            Case("duration('1s') - duration('2s')", "duration(\"-1s\")"),
            Case("timestamp('9999-12-31T23:59:59Z') + duration('1s')", "error: overflow"),
            Case("timestamp('0001-01-01T00:00:00Z') - duration('1ns')", "error: overflow"),
            Case("timestamp('2026-11-24T08:05:06.789Z').getFullYear()", "2026"),
            Case("timestamp('2026-11-24T08:05:06.789Z').getMonth()", "10"),
            Case("timestamp('2026-11-24T08:05:06.789Z').getDate()", "24"),
            Case("timestamp('2026-11-24T08:05:06.789Z').getDayOfMonth()", "23"),
            Case("timestamp('2026-11-24T08:05:06.789Z').getDayOfWeek()", "2"),
            Case("timestamp('2026-11-24T08:05:06.789Z').getDayOfYear()", "327"),
            Case("timestamp('2026-11-24T08:05:06.789Z').getHours()", "8"),
            Case("timestamp('2026-11-24T08:05:06.789Z').getMinutes()", "5"),
            Case("timestamp('2026-11-24T08:05:06.789Z').getSeconds()", "6"),
            Case("timestamp('2026-11-24T08:05:06.789Z').getMilliseconds()", "789"),
            Case("timestamp('2026-07-01T00:00:00Z').getHours('Europe/Rome')", "2"),
            Case("timestamp('2026-01-01T00:00:00Z').getHours('Europe/Rome')", "1"),
            Case("timestamp('2026-01-01T00:00:00Z').getHours('-07:30')", "16"),
            Case("timestamp('2026-01-01T00:00:00Z').getFullYear('-01:00')", "2025"),
            Case("timestamp('2026-01-01T00:00:00Z').getHours('02:00')", "2"),
            Case("timestamp(0).getHours('Mars/Base')", "error: invalidArgument"),
            Case("timestamp('0001-01-01T00:00:00Z').getDayOfWeek()", "1"), Case("duration('3h5m').getHours()", "3"),
            Case("duration('3h5m').getMinutes()", "185"),
            Case("duration('3.5s').getSeconds()", "3"), Case("duration('3.5s').getMilliseconds()", "500"),
            Case("duration('-1.5h')", "duration(\"-5400s\")"),
            Case("duration('1h1m1s1ms1us1ns')", "duration(\"3661.001001001s\")"),
            Case("duration('0')", "duration(\"0s\")"),
            Case(
                "duration('320000000000s')",
                "mistake: \"320000000000s\" is no duration; expected one such as 1h30m, 1.5s or 100ms"),
            Case("duration('1x')", "mistake: \"1x\" is no duration; expected one such as 1h30m, 1.5s or 100ms"),
            Case(
                "timestamp('2026-02-29T00:00:00Z')",
                "mistake: \"2026-02-29T00:00:00Z\" is no timestamp; expected RFC 3339 such as 2026-01-31T08:00:00Z"),
            Case("timestamp(dyn('nonsense'))", "error: invalidArgument"),
            Case("duration(dyn('1'))", "error: invalidArgument"),
        ])
    func time(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }

    @Test(
        "the math extension",
        arguments: [
            Case("math.greatest(1, 3, 2)", "3"), Case("math.greatest([1, 2.5])", "2.5"),
            Case("math.least(1, -2u == 0u ? 1 : 0)", "mistake: -uint is not there; expected an int or a double"),
            Case("math.least(3, 2.0, 5u)", "2.0"), Case("math.greatest([])", "error: invalidArgument"),
            Case("math.greatest('a')", "error: noMatchingOverload"),
            Case("math.ceil(1.2)", "2.0"), Case("math.floor(-1.2)", "-2.0"), Case("math.round(2.5)", "3.0"),
            Case("math.round(-2.5)", "-3.0"), Case("math.trunc(-1.9)", "-1.0"),
            Case("math.abs(-5)", "5"), Case("math.abs(-9223372036854775808)", "error: overflow"),
            Case("math.sign(-3.5)", "-1.0"), Case("math.sign(4u)", "1u"),
            Case("math.sqrt(16)", "4.0"), Case("math.isNaN(0.0 / 0.0)", "true"), Case("math.isInf(1.0 / 0.0)", "true"),
            Case("math.isFinite(1.0)", "true"),
            Case("math.bitAnd(6, 3)", "2"), Case("math.bitOr(6u, 1u)", "7u"), Case("math.bitXor(5, 1)", "4"),
            Case("math.bitNot(0)", "-1"),
            Case("math.bitShiftLeft(1, 4)", "16"), Case("math.bitShiftLeft(1, 64)", "0"),
            Case("math.bitShiftRight(-1, 63)", "1"), Case("math.bitShiftRight(1, -1)", "error: invalidArgument"),
        ])
    func maths(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }

    @Test(
        "lists, sets and encoders",
        arguments: [
            Case("[1, 2, 3].slice(1, 3)", "[2, 3]"), Case("[1].slice(0, 2)", "error: indexOutOfBounds"),
            Case("[[1], [2, [3]]].flatten()", "[1, 2, [3]]"),
            Case("[[1], [2, [3]]].flatten(2)", "[1, 2, 3]"), Case("[3, 1, 2].sort()", "[1, 2, 3]"),
            Case("['b', 'a'].sort()", "[\"a\", \"b\"]"), Case("[1, dyn('a')].sort()", "error: invalidArgument"),
            Case("[{'n': 2}, {'n': 1}].sortBy(x, x.n)", "[{\"n\": 1}, {\"n\": 2}]"),
            Case("[1, 1.0, 2, 1u].distinct()", "[1, 2]"), Case("[[1], [1]].distinct()", "[[1]]"),
            Case("[1, 2].reverse()", "[2, 1]"), Case("lists.range(3)", "[0, 1, 2]"), Case("lists.range(-1)", "[]"),
            Case("[1, 2].first()", "optional.of(1)"), Case("[].last()", "optional.none()"),
            Case("sets.contains([1, 2], [2])", "true"), Case("sets.contains([1], [2])", "false"),
            Case("sets.equivalent([1, 2], [2u, 1.0, 1])", "true"), Case("sets.intersects([1], [2, 1])", "true"),
            Case("sets.intersects([], [])", "false"),
            Case("base64.encode(b'hello')", "\"aGVsbG8=\""), Case("base64.decode('aGVsbG8=')", "b\"hello\""),
            Case("base64.decode('aGVsbG8')", "b\"hello\""), Case("base64.decode('a')", "error: invalidArgument"),
            Case("base64.decode('a$bc')", "error: invalidArgument"),
            Case("base64.decode('')", "b\"\""), Case("base64.decode('aGk=')", "b\"hi\""),
            Case("base64.decode('aGl=')", "error: invalidArgument"),
            Case("base64.decode('ab=')", "error: invalidArgument"),
            Case("base64.decode('a===')", "error: invalidArgument"),
            Case("base64.decode('aGk=\\n')", "error: invalidArgument"),
            Case("[1, 2][1]", "2"), Case("[1][1]", "error: indexOutOfBounds"),
            Case("[1][-1]", "error: indexOutOfBounds"), Case("[1][0u]", "1"), Case("[1][0.0]", "1"),
            Case("[1][dyn(0.5)]", "error: noMatchingOverload"),
            Case("{'a': 1}['a']", "1"), Case("{'a': 1}['b']", "error: noSuchKey"), Case("{1: 'a'}[1u]", "\"a\""),
            Case("{'a': 1}.a", "1"), Case("{'a': 1}.b", "error: noSuchField"), Case("{'in': 1}.`in`", "1"),
            Case("{'a b-c': 1}.`a b-c`", "1"),
        ])
    func lists(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }

    @Test(
        "optionals",
        arguments: [
            Case("{'a': 1}.?a", "optional.of(1)"), Case("{'a': 1}.?b", "optional.none()"),
            Case("{'a': {'b': 1}}.?a.b", "optional.of(1)"), Case("{}.?a.b.c", "optional.none()"),
            Case("{'a': {}}.?a.?b.orValue(5)", "5"),
            Case("[1][?0]", "optional.of(1)"), Case("[1][?5]", "optional.none()"),
            Case("{'a': 1}[?'b'].orValue(7)", "7"), Case("optional.of(1).value()", "1"),
            Case("optional.none().value()", "error: noValue"),
            Case("optional.none().hasValue()", "false"), Case("optional.ofNonZeroValue(0)", "optional.none()"),
            Case("optional.ofNonZeroValue('a')", "optional.of(\"a\")"),
            Case("optional.none().or(optional.of(2))", "optional.of(2)"),
            Case("[?optional.of(1), ?optional.none(), 3]", "[1, 3]"),
            Case("{?'a': optional.none(), 'b': 2}", "{\"b\": 2}"),
            Case("optional.of(2).optMap(x, x * 2)", "optional.of(4)"),
            Case("optional.none().optMap(x, x)", "optional.none()"),
            Case("optional.of({'a': 1}).optFlatMap(x, x.?a)", "optional.of(1)"),
            Case("optional.unwrap([optional.of(1), optional.none()])", "[1]"),
            Case("[optional.none()].unwrapOpt()", "[]"), Case("optional.of(1) == optional.of(1.0)", "true"),
            Case("optional.none() == optional.none()", "true"),
            Case("[?1]", "mistake: a int stands after '?'; expected an optional"),
        ])
    func optionals(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }

    @Test(
        "the regex extension",
        arguments: [
            Case("regex.replace('hello world', 'o', '0')", "\"hell0 w0rld\""),
            Case("regex.replace('banana', 'a', 'x', 2)", "\"bxnxna\""),
            Case(#"regex.replace('a1b2', '([a-z])([0-9])', r'\2\1')"#, "\"1a2b\""),
            Case("regex.replace('abc', '', '-')", "\"-a-b-c-\""),
            Case(#"regex.replace('a', 'a', r'\1')"#, "error: invalidArgument"),
            Case("regex.extract('item-42', 'item-([0-9]+)')", "optional.of(\"42\")"),
            Case("regex.extract('x', 'y')", "optional.none()"),
            Case("regex.extractAll('a1 b22', '[0-9]+')", "[\"1\", \"22\"]"),
            Case("regex.extractAll('ab', '(a)(b)')", "error: invalidArgument"),
        ])
    func patterns(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }
}
