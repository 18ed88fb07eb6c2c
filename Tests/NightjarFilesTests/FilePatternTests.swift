import Testing

@testable import NightjarFiles

@Suite struct FilePatternTests {
    private func fits(_ pattern: String, _ path: String) -> Bool {
        FilePattern(pattern).matches(FilePath(bytes: Array(path.utf8)).names[...])
    }

    @Test(
        "a pattern fits what shells would have it fit",
        arguments: [
            ("*.csv", "a.csv"), ("*.csv", "folder/a.csv"), ("*.csv", ".csv"), ("?.csv", "ü.csv"), ("*", "anything"),
            ("[a-c]1", "b1"), ("[!a-c]1", "d1"), ("[^a-c]1", "d1"), ("[]]", "]"), ("[a", "[a"), ("[a-]", "-"),
            ("*.{csv,tsv}", "a.tsv"), ("{a,b{1,2}}.csv", "b2.csv"), ("{a}.csv", "{a}.csv"), ("a,b", "a,b"),
            ("\\*.csv", "*.csv"), ("\\{a,b}", "{a,b}"), ("in/*.csv", "in/a.csv"), ("/a.csv", "a.csv"),
            ("**/a.csv", "a.csv"), ("**/a.csv", "x/y/a.csv"), ("in/**/a.csv", "in/a.csv"),
            ("in/**/a.csv", "in/x/y/a.csv"), ("in/**", "in/x/y"), ("**/x/**/*.csv", "1/x/2/3/a.csv"),
            ("a*b*c", "aXbXbXc"), ("a**c", "abc"), ("*.csv", "e\u{301}.csv"), ("é.csv", "e\u{301}.csv"),
        ])
    func fitting(_ pattern: String, _ path: String) {
        #expect(fits(pattern, path))
    }

    @Test(
        "a pattern does not fit what shells would not have it fit",
        arguments: [
            ("*.csv", "a.csv.tmp"), ("*.csv", "a.CSV"), ("?.csv", "ab.csv"), ("[a-c]1", "d1"), ("[!a-c]1", "b1"),
            ("in/*.csv", "in/x/a.csv"), ("in/*.csv", "a.csv"), ("/a.csv", "x/a.csv"), ("in/**", "in"),
            ("**/a.csv", "ba.csv"), ("in/**/a.csv", "out/a.csv"), ("*.{csv,tsv}", "a.txt"), ("\\*.csv", "a.csv"),
            ("", "a"), ("[]", "a"), ("[z-a]", "b"), ("a*b*c", "aXbX"),
        ])
    func notFitting(_ pattern: String, _ path: String) {
        #expect(!fits(pattern, path))
    }

    @Test("a pattern made to take for ever takes no time")
    func noBlowUp() {
        let stars = String(repeating: "a*", count: 40) + "b"
        #expect(!fits(stars, String(repeating: "a", count: 200)))
        let braces = String(repeating: "{a,b}", count: 40)
        #expect(!fits(braces, String(repeating: "c", count: 40)))
    }
}

@Suite struct FilePathTests {
    @Test("different bytes are different paths, also where their texts are equal strings")
    func bytesCount() {
        let composed = FilePath(bytes: Array("\u{E9}".utf8))
        let decomposed = FilePath(bytes: Array("e\u{301}".utf8))
        #expect(composed.text == decomposed.text)
        #expect(composed != decomposed)
        #expect(composed.key != decomposed.key)
    }

    @Test(
        "a key leads back to its path",
        arguments: [
            Array("a/b.csv".utf8), Array("100%.csv".utf8), Array("ü%20.csv".utf8), [0x61, 0xFF, 0x25],
            [0x0A, 0x2F, 0x7F],
            [0xEF, 0xBF, 0xBE],
        ])
    func keys(_ bytes: [UInt8]) {
        let path = FilePath(bytes: bytes)
        #expect(FilePath(key: path.key) == path)
        #expect(path.key.utf8.allSatisfy { (0x20..<0x7F).contains($0) })
    }

    @Test("text is shown as it is, anything else percent-encoded")
    func texts() {
        #expect(FilePath(bytes: Array("100% für.csv".utf8)).text == "100% für.csv")
        #expect(FilePath(bytes: [0x25, 0xFF, 0x0A, 0x61]).text == "%25%FF%0Aa")
        #expect(FilePath(bytes: [0x61, 0xEF, 0xB7, 0x90]).exactText == nil)
    }

    @Test("a damaged key is no path", arguments: ["", "/%4", "/%ZZ", "/a%"])
    func damagedKeys(_ key: String) {
        #expect(FilePath(key: key) == nil)
    }

    @Test("a URI has no characters that URIs may not have")
    func uri() {
        #expect(FilePath.uri(ofAbsolute: "/srv/in box/[ü]%@`") == "file:///srv/in%20box/%5B%C3%BC%5D%25%40%60")
    }

    @Test("a path lies inside its folders, and not inside one whose name begins alike")
    func inside() {
        let path = FilePath(bytes: Array("a/b/c".utf8))
        func set(_ text: String) -> Set<FilePath> { [FilePath(bytes: Array(text.utf8))] }
        #expect(path.isInside(set("a")) && path.isInside(set("a/b")) && path.isInside([.root]))
        #expect(!path.isInside(set("a/b/")) && !FilePath(bytes: Array("ab".utf8)).isInside(set("a")))
    }
}
