import Expressions
import Testing

@Suite("Literals")
struct LiteralTests {
    @Test(
        "a literal has the value that the language definition gives it",
        arguments: [
            Case("0", "0"), Case("42", "42"), Case("-1", "-1"), Case("0x1F", "31"), Case("-0xff", "-255"),
            Case("9223372036854775807", "9223372036854775807"),
            Case("-9223372036854775808", "-9223372036854775808"), Case("0u", "0u"), Case("7U", "7u"),
            Case("0xFFu", "255u"), Case("18446744073709551615u", "18446744073709551615u"), Case("1.5", "1.5"),
            Case("-2.3e5", "-230000.0"), Case("1e3", "1000.0"), Case(".5", "0.5"), Case("1E-2", "0.01"),
            Case("true", "true"), Case("false", "false"), Case("null", "null"), Case("[]", "[]"), Case("{}", "{}"),
            Case("[1, 'a', [true]]", "[1, \"a\", [true]]"), Case("[1, 2,]", "[1, 2]"),
            Case("{'a': 1, 2: 'b', true: 3u}", "{\"a\": 1, 2: \"b\", true: 3u}"), Case("{'a': 1,}", "{\"a\": 1}"),
            Case("int", "int"), Case("google.protobuf.Timestamp", "google.protobuf.Timestamp"),
            Case("// a comment\n1 // another", "1"), Case(" \t\n\r1", "1"),
        ])
    func values(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }

    @Test(
        "strings and bytes have the escapes of the language definition",
        arguments: [
            Case(#"'a'"#, #""a""#), Case(#""a'b""#, #""a'b""#), Case(#"'a"b'"#, #""a\"b""#),
            Case(#"'\n\t\r\\\'\"\`\?\a\b\f\v'"#, #""\n\t\r\\'\"`?\a\b\f\v""#), Case(#"'\x41\X42'"#, #""AB""#),
            Case(#"'\101'"#, #""A""#), Case(#"'é'"#, #""é""#), Case(#"'\U0001F600'"#, #""😀""#),
            Case(#"'\u00e9' == 'é'"#, "true"), Case(#"r'\n'"#, #""\\n""#), Case(#"R"\d+""#, #""\\d+""#),
            Case("'''a'b\nc'''", #""a'b\nc""#), Case("\"\"\"a\"b\"\"\"", #""a\"b""#), Case(#"b'abc'"#, #"b"abc""#),
            Case(#"b'\xff\000'"#, #"b"\xff\x00""#), Case(#"b'é'"#, #"b"\xc3\xa9""#), Case(#"br'\n'"#, #"b"\\n""#),
            Case(#"rb'\x'"#, #"b"\\x""#), Case(#"B'a'"#, #"b"a""#), Case("''", #""""#), Case("b''", #"b"""#),
            Case("''''''", #""""#),
        ])
    func texts(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }

    @Test(
        "what is no literal is a mistake that says what was expected",
        arguments: [
            Case("'a", "mistake: the text does not end; expected '"),
            Case("'a\nb'", "mistake: the text does not end on its line; expected a quote, or three of them around it"),
            Case(#"'\q'"#, #"mistake: it is no escape; expected one such as \n, \\, \x41 or \u0041"#),
            Case(#"'\u12'"#, "mistake: expected 4 hexadecimal digits in the escape"),
            Case(#"'\ud800'"#, "mistake: the escape is no Unicode code point"),
            Case(#"'\400'"#, #"mistake: it is no escape; expected one such as \n, \\, \x41 or \u0041"#),
            Case(#"b'\u0041'"#, #"mistake: it is no escape; expected one such as \n, \\, \x41"#),
            Case("0x", "mistake: expected hexadecimal digits after 0x"),
            Case(
                "9223372036854775808",
                "mistake: 9223372036854775808 is too large for an int; expected 9223372036854775808u for a uint"),
            Case("-9223372036854775809", "mistake: -9223372036854775809 is too small for an int"),
            Case("18446744073709551616u", "mistake: 18446744073709551616 is too large for a number of 64 bits"),
            Case("1a", "mistake: 'a' follows the number 1; expected an operator"),
            Case("{1: 2, 1u: 3}", "mistake: the key 1u stands twice in the map"),
            Case("{1.5: 2}", "mistake: a double cannot be a key; expected an int, uint, bool or string"),
        ])
    func mistakes(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }
}
