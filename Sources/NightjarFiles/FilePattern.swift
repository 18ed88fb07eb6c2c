#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A shell pattern (`fnmatch(3)`), with `**/` for any folders.
struct FilePattern: Sendable, Hashable {
    private let pattern: String

    init(_ pattern: String) {
        self.pattern = pattern
    }

    /// Whether the file at `path`, relative to the watched folder, fits.
    func matches(_ path: FilePath) -> Bool {
        if !pattern.contains("/") { return Self.fits(pattern, path.name) }
        guard pattern.hasPrefix("**/") else { return Self.fits(pattern, path.text) }
        let rest = FilePattern(String(pattern.dropFirst(3)))
        var suffix = path.text[...]
        while true {
            if rest.pattern.contains("/") ? rest.matches(FilePath(text: String(suffix))) : Self.fits(rest.pattern, String(suffix)) {
                return true
            }
            guard let slash = suffix.firstIndex(of: "/") else { return false }
            suffix = suffix[suffix.index(after: slash)...]
        }
    }

    private static func fits(_ pattern: String, _ text: String) -> Bool {
        fnmatch(pattern, text, FNM_PATHNAME) == 0
    }
}

/// A file's path relative to the watched folder. Bytes that are not printable UTF-8 stand percent-encoded in the text.
struct FilePath: Sendable, Hashable {
    /// For people, events and patterns.
    let text: String

    /// The last part.
    var name: String { text.lastIndex(of: "/").map { String(text[text.index(after: $0)...]) } ?? text }

    init(text: String) {
        self.text = text
    }

    /// A path from the bytes that the file system knows.
    init(bytes: some Collection<UInt8>) {
        if let text = String(validating: Array(bytes), as: UTF8.self),
            text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) && $0 != "%" })
        {
            self.text = text
            return
        }
        let digits = Array("0123456789ABCDEF".utf8)
        var result: [UInt8] = []
        for byte in bytes {
            if (0x20..<0x7F).contains(byte), byte != UInt8(ascii: "%") {
                result.append(byte)
            } else {
                result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        text = String(decoding: result, as: UTF8.self)
    }

    /// The bytes that the file system knows.
    var bytes: [UInt8] {
        let utf8 = Array(text.utf8)
        guard utf8.contains(UInt8(ascii: "%")) else { return utf8 }
        var result: [UInt8] = []
        var index = 0
        while index < utf8.count {
            if utf8[index] == UInt8(ascii: "%"), index + 2 < utf8.count,
                let byte = UInt8(String(decoding: utf8[index + 1...index + 2], as: UTF8.self), radix: 16)
            {
                result.append(byte)
                index += 3
            } else {
                result.append(utf8[index])
                index += 1
            }
        }
        return result
    }
}
