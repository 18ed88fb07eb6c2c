/// The syntax of URI references (RFC 3986, section 4.1), as far as an event's attributes are held to it: characters,
/// percent-encoding, the scheme, and where brackets and number signs may stand.
struct URIReference {
    /// Whether it begins with a scheme and so is a URI, not a relative reference.
    let hasScheme: Bool

    private static let characters = ByteSet(printableExcept: "\"<>\\^`{|}")
    private static let schemeCharacters = ByteSet("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.")

    /// Reads a URI reference; `nil` if the text is none.
    init?(_ text: String) {
        var text = text
        guard let hasScheme = text.withUTF8(Self.parse) else { return nil }
        self.hasScheme = hasScheme
    }

    private static func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool? {
        let scheme = schemeEnd(bytes)
        guard let scheme else { return nil }
        let characters = characters
        var isInAuthority = hasAuthority(bytes, at: scheme)
        var isInFragment = false
        var at = isInAuthority ? scheme + 2 : scheme
        while at < bytes.count {
            let byte = bytes[at]
            guard characters.contains(byte) else { return nil }
            switch byte {
            case UInt8(ascii: "%"):
                guard at + 2 < bytes.count, ByteSet.hexadecimalDigits.contains(bytes[at + 1]),
                    ByteSet.hexadecimalDigits.contains(bytes[at + 2])
                else { return nil }
                at += 2
            case UInt8(ascii: "["), UInt8(ascii: "]"):
                // Only around the IP address of a host (section 3.2.2).
                guard isInAuthority else { return nil }
            case UInt8(ascii: "/"), UInt8(ascii: "?"): isInAuthority = false
            case UInt8(ascii: "#"):
                guard !isInFragment else { return nil }
                isInFragment = true
                isInAuthority = false
            default: break
            }
            at += 1
        }
        return scheme > 0
    }

    /// Where the scheme and its colon end, 0 without one; `nil` if a colon stands in the first segment of a relative
    /// reference, where it would be mistaken for one (section 4.2).
    private static func schemeEnd(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
        var isScheme = true
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "/"), UInt8(ascii: "?"), UInt8(ascii: "#"): return 0
            case UInt8(ascii: ":"):
                let startsWithLetter = (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(bytes[0] | 0x20)
                return isScheme && startsWithLetter ? index + 1 : nil
            default: isScheme = isScheme && schemeCharacters.contains(byte)
            }
        }
        return 0
    }

    private static func hasAuthority(_ bytes: UnsafeBufferPointer<UInt8>, at start: Int) -> Bool {
        start + 1 < bytes.count && bytes[start] == UInt8(ascii: "/") && bytes[start + 1] == UInt8(ascii: "/")
    }
}
