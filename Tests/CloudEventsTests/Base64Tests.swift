import CloudEvents
import Testing

@Suite("Base64")
struct Base64Tests {
    @Test(
        "the vectors of RFC 4648, section 10",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func vectors(plain: String, encoded: String) {
        #expect(Base64.encode(utf8(plain)) == encoded)
        #expect(Base64.decode(encoded) == utf8(plain))
    }

    @Test(
        "what is not whole groups of the alphabet is refused",
        arguments: [
            "Z", "Zg", "Zg=", "Zg===", "====", "=", "A===", "Zg==Zg==", "Zm9v\n", "Zm9-", "Zm_v", "Z=9v", "Zm=v",
            "Zm9vé", " Zg=", "Zg= ",
        ])
    func refuses(text: String) {
        #expect(Base64.decode(text) == nil)
    }

    @Test("bytes of any length and value come back")
    func roundTrip() {
        var generator = SeededGenerator(seed: 64)
        for count in 0..<200 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            #expect(Base64.decode(Base64.encode(bytes)) == bytes)
        }
    }
}
