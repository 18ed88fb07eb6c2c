import CloudEvents
import Testing

@Suite("JSON texts")
struct JSONTextTests {
    @Test(
        "texts of RFC 8259 are valid",
        arguments: [
            "{}", "[]", "\"\"", "0", "-0", "-0.0e-0", "1E+2", "12.50", "1e400", "true", "false", "null",
            " \t\r\n[ ]\n ",
            #"{"":{"a":[1,{"b":null}]},"":2}"#, #""\"\\\/\b\f\n\r\t\u00e9\uD83D\ude00""#, "\"é€😀\u{7F}\u{FFFD}\"",
            "[[[[]]],[[],{}]]",
            #""0123456\"""#, #""01234567\"""#, #"{ "a" : [ 1 , 2 ] , "b" : { } }"#,
            "\"\u{ED}\u{D7FF}\u{E000}\u{10FFFF}\"",
        ])
    func valid(text: String) throws {
        try JSONText.validate(utf8(text))
        #expect(JSONText.isValid(utf8(text)))
    }

    /// Text, and the byte at which it is wrong.
    static let malformedTexts: [(String, Int)] = [
        ("", 0), (" ", 1), ("{", 1), ("[", 1), ("}", 0), ("]", 0), ("[}", 1), ("{]", 1), ("[1}", 2), (#"{"a":1]"#, 6),
        ("[1,]", 3), ("[,1]", 1), ("[1 2]", 3), ("[1,,2]", 3), (#"{"a":1,}"#, 7), (#"{,"a":1}"#, 1), (#"{"a"}"#, 4),
        (#"{"a":}"#, 5), (#"{"a" 1}"#, 5), (#"{"a":1 "b":2}"#, 7), ("{a:1}", 1), ("{'a':1}", 1), ("{1:2}", 1),
        ("'a'", 0),
        ("nul", 0), ("nulll", 4), ("True", 0), ("fals", 0), ("tru e", 0), ("NaN", 0), ("Infinity", 0), ("-", 1),
        ("-a", 1),
        ("+1", 0), ("01", 1), ("-012", 2), ("1.", 2), (".5", 0), ("1.e3", 2), ("1e", 2), ("1e+", 3), ("0x10", 1),
        ("1_000", 1),
        ("\"", 0), ("\"abc", 0), (#""\"#, 2), (#""\x41""#, 2), (#""\'""#, 2), (#""\u12""#, 5), (#""\u12g4""#, 5),
        (#""\U0041""#, 2),
        (#""\uD800""#, 1), (#""\uDC00""#, 1), (#""ab\uD83D\u0041""#, 3), (#""\uD83Dxx""#, 1), (#""\uD83D\n""#, 1),
        ("\"a\nb\"", 2),
        ("\"a\u{0}b\"", 2), ("\"01234567\tb\"", 9), ("1 2", 2), ("{}{}", 2), ("null,", 4), ("[] x", 3), ("/**/1", 0),
        ("1//", 1),
        ("\u{FEFF}{}", 0), ("{\u{A0}}", 1), ("\u{2028}1", 0), ("é", 0), ("[1]\u{0}", 3), ("\u{0C}1", 0),
        (#"["a":1]"#, 4),
    ]

    @Test("anything else is malformed, and the error says at which byte", arguments: malformedTexts)
    func malformed(text: String, offset: Int) {
        let error = thrown { () throws(EventError) in try JSONText.validate(utf8(text)) }
        #expect(error?.code == .malformedJSON)
        #expect(error?.byteOffset == offset)
        #expect(error?.message.isEmpty == false)
        #expect(!JSONText.isValid(utf8(text)))
    }

    @Test(
        "bytes that are not UTF-8 are malformed",
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x80, 0x80], [0xE2, 0x82],
            [0xED, 0xA0, 0x80],
            [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x9F, 0x98], [0xF4, 0x90, 0x80, 0x80],
            [0xF5, 0x80, 0x80, 0x80],
            [0xFF], [0xFE],
        ] as [[UInt8]])
    func notUTF8(bytes: [UInt8]) {
        for prefix in ["", "a", "0123456", "01234567", "é"] {
            let json = utf8("\"" + prefix) + bytes + utf8("\"")
            let error = thrown { () throws(EventError) in try JSONText.validate(json) }
            #expect(error?.code == .malformedJSON)
            #expect(error?.byteOffset == 1 + prefix.utf8.count)
        }
    }

    @Test("a byte order mark is called by its name")
    func byteOrderMark() {
        let error = thrown { () throws(EventError) in try JSONText.validate([0xEF, 0xBB, 0xBF] + utf8("{}")) }
        #expect(error?.message.contains("byte order mark") == true)
    }

    @Test("512 levels of nesting are read, 513 are not", arguments: ["[", #"{"a":"#])
    func depth(opening: String) {
        func nested(_ levels: Int) -> [UInt8] {
            let closing = opening == "[" ? "]" : "}"
            return utf8(
                String(repeating: opening, count: levels - 1) + (opening == "[" ? "[]" : "{}")
                    + String(repeating: closing, count: levels - 1))
        }
        #expect(JSONText.isValid(nested(512)))
        let error = thrown { () throws(EventError) in try JSONText.validate(nested(513)) }
        #expect(error?.byteOffset == 512 * opening.utf8.count)
        #expect(!JSONText.isValid(nested(1_000_000)))
    }

    @Test("levels keep their kind when objects and arrays alternate")
    func alternatingLevels() {
        let opening = String(repeating: #"[{"a":"#, count: 200)
        #expect(JSONText.isValid(utf8(opening + "1" + String(repeating: "}]", count: 200))))
        #expect(!JSONText.isValid(utf8(opening + "1" + String(repeating: "]}", count: 200))))
    }

    @Test("a character at which a run of plain characters ends is found at every place of a word")
    func wordBoundaries() {
        for length in 0..<40 {
            let plain = String(repeating: "x", count: length)
            #expect(JSONText.isValid(utf8("\"\(plain)\"")))
            #expect(JSONText.isValid(utf8("\"\(plain)\\n\(plain)\"")))
            #expect(JSONText.isValid(utf8("\"\(plain)é\(plain)\"")))
            #expect(!JSONText.isValid(utf8("\"\(plain)\u{1F}\(plain)\"")))
            #expect(!JSONText.isValid(utf8("\"\(plain)")))
        }
    }

    @Test(
        "indenting changes white space only",
        arguments: [
            (
                #"{"a":[1,2.50],"b":{},"c":[ ],"d":{"e":"x, {y}: \"[z]\" \\"}}"#,
                "{\n  \"a\": [\n    1,\n    2.50\n  ],\n  \"b\": {},\n  \"c\": [],\n  \"d\": {\n    \"e\": \"x, {y}: \\\"[z]\\\" \\\\\"\n  }\n}"
            ),
            ("[]", "[]"), (" 1 ", "1"), ("[[]]", "[\n  []\n]"), ("[ { } , 1 ]", "[\n  {},\n  1\n]"),
        ])
    func indented(json: String, expected: String) {
        #expect(text(JSONText.indented(utf8(json))) == expected)
        #expect(text(JSONText.indented(utf8(expected))) == expected)
    }

    @Test("indenting what is no JSON does no harm", arguments: ["]]]]", "}", "\"", "{{{{", "", ",:"])
    func indentedNonsense(json: String) {
        #expect(JSONText.indented(utf8(json)).count >= json.utf8.count)
    }
}
