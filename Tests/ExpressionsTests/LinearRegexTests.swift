import Testing

@testable import Expressions

@Suite("Patterns")
struct LinearRegexTests {
    @Test(
        "a pattern fits as RE2 says",
        arguments: [
            ("abc", "xabcx", true), ("^abc$", "xabc", false), ("a.c", "a\nc", false), ("(?s)a.c", "a\nc", true),
            ("(?i)ABC", "aBc", true), ("(?i)é", "É", true), ("(?i:a)b", "AB", false), ("(?i)[a-c]x", "BX", true),
            ("a{2,3}b", "ab", false), ("a{2,3}b", "aaab", true), ("a{2}", "a", false), ("a{,2}", "a{,2}", true),
            ("x*", "", true), ("^$", "", true), ("(?m)^b$", "a\nb\nc", true), ("^b$", "a\nb", false),
            (#"\bword\b"#, "a word.", true), (#"\bword\b"#, "swords", false), (#"\Bord"#, "word", true),
            (#"\d+\s\w"#, "12 a", true), (#"\D"#, "12", false), (#"[^\d]"#, "1", false),
            (#"[\w.-]+@"#, "a.b-c@x", true),
            ("[[:alpha:]]", "1", false), ("[[:^alpha:]]", "1", true), ("[]a]", "]", true), ("[a-]", "-", true),
            ("[^]]", "]", false), (#"\p{L}"#, "ñ", true), (#"\pN"#, "x", false), (#"\P{Lu}"#, "A", false),
            (#"[\p{Lu}\d]+$"#, "É7", true), (#"\x41\x{1F600}"#, "A😀", true), (#"\Qa.b\E."#, "a.bc", true),
            (#"\Qa.b\E"#, "axb", false),
            ("a|b|", "c", true), ("^(?:a|b)+$", "abab", true), ("(a+)+$", "aaaa!", false), (#"\."#, "a", false),
            (#"\A\z"#, "", true), ("😀+", "😀😀", true), (".", "😀", true), ("^.$", "😀", true),
            ("(?P<name>a)b", "ab", true), ("(?<name>a)b", "ab", true), ("(?U)a+", "aa", true), (#"\0"#, "\0", true),
            (#"\t"#, "\t", true),
        ])
    func fits(_ pattern: String, _ text: String, _ expected: Bool) throws {
        let regex = try LinearRegex(pattern)
        #expect(try regex.fits(text) == expected)
        #expect(try (regex.parts(text) != nil) == expected)
    }

    @Test(
        "the match that is preferred is found, with its groups",
        arguments: [
            ("a+", "baaa", "1-4"), ("a+?", "baaa", "1-2"), ("(a|ab)(c|bcd)", "abcd", "0-4 0-1 1-4"),
            ("(a*)(a*)", "aa", "0-2 0-2 2-2"), ("(a)|b", "b", "0-1 -"), ("(?:(a)|b)*", "ab", "0-2 0-1"),
            ("x*", "aax", "0-0"), ("(a|b)*?c", "abc", "0-3 1-2"), ("a(?P<n>b?)", "ab", "0-2 1-2"),
        ])
    func groups(_ pattern: String, _ text: String, _ expected: String) throws {
        let match = try #require(try LinearRegex(pattern).parts(text))
        #expect(
            match.map { range in range.map { "\($0.lowerBound)-\($0.upperBound)" } ?? "-" }.joined(separator: " ")
                == expected)
    }

    @Test(
        "what cannot be matched in linear time, or is wrong, is refused with its place",
        arguments: [
            ("(", 0), (")", 0), ("[a", 0), ("*a", 0), ("a**", 2), (#"(a)\1"#, 3), ("(?=a)", 0), ("(?<!a)", 0),
            ("(?!a)", 0), (#"\"#, 1), (#"\y"#, 0), ("[b-a]", 1), ("a{1001}", 1), ("a{3,2}", 1), (#"\p{Xx}"#, 6),
            (#"\x4"#, 2), ("(((a{100}){100}){100})", 0), ("(?x)", 0), ("[[:foo:]]", 1), ("(?P<>a)", 4),
        ])
    func refused(_ pattern: String, _ offset: Int) {
        let error = #expect(throws: LinearRegex.SyntaxError.self) { try LinearRegex(pattern) }
        #expect(error?.offset == offset, "\(error?.description ?? "")")
    }

    @Test(
        "patterns that make others search for ever end",
        arguments: ["(a*)*b", "(a|aa)+$", "(a+)+b", "(a|a)*b", "(.*)(.*)(.*)(.*)x", "a*a*a*a*a*a*b"])
    func hostile(_ pattern: String) throws {
        // A hundred steps for each code point are enough; a search that goes back would need more than there are atoms.
        #expect(try LinearRegex(pattern).fits(String(repeating: "a", count: 5000) + "!") == false)
    }

    @Test("random patterns never crash", arguments: 0..<20)
    func fuzz(seed: UInt64) {
        var generator = Mixer(state: seed &+ 5)
        let pieces = [
            "a", "b", ".", "*", "+", "?", "(", ")", "[", "]", "^", "$", "|", "\\", "{", "}", "1", ",", "-", "d", "w",
            "(?:", "(?i)", "[^", "\\b", "\\pL", "é", "\\x{41}", "[:alpha:]", "P", "<", ">", "E", "Q",
        ]
        for _ in 0..<500 {
            let pattern = (0..<Int.random(in: 1...10, using: &generator)).map { _ in
                pieces.randomElement(using: &generator) ?? ""
            }.joined()
            guard let regex = try? LinearRegex(pattern) else { continue }
            let text = "aab1é-[b]"
            #expect(throws: Never.self, "\(pattern)") {
                let found = try regex.parts(text) != nil
                #expect(try regex.fits(text) == found)
            }
        }
    }
}

extension LinearRegex {
    fileprivate func fits(_ text: String) throws -> Bool {
        var frame = Frame(variables: [], locals: 0, budget: 100 * (text.utf8.count + 1))
        return try matches(text, &frame)
    }

    fileprivate func parts(_ text: String) throws -> [Range<Int>?]? {
        var frame = Frame(variables: [], locals: 0, budget: 100 * (text.utf8.count + 1))
        return try firstMatch(in: Array(text.unicodeScalars), from: 0, &frame)
    }
}
