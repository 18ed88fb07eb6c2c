/// A file's path below the watched folder: the bytes that the file system knows. Two paths are the same if their bytes
/// are, which is not so for strings: Swift takes `é` and `e` with an accent for equal, and a file system has room for both.
struct FilePath: Sendable, Hashable, Comparable {
    private static let slash = UInt8(ascii: "/")

    /// Without a slash at either end; empty for the watched folder itself.
    let bytes: [UInt8]

    /// The watched folder itself.
    static let root = FilePath(bytes: [])

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The path of what has that name in this folder.
    func appending(_ name: some Collection<UInt8>) -> FilePath {
        FilePath(bytes: bytes.isEmpty ? Array(name) : bytes + [Self.slash] + name)
    }

    var isRoot: Bool { bytes.isEmpty }

    /// The last part.
    var name: ArraySlice<UInt8> {
        bytes.lastIndex(of: Self.slash).map { bytes[bytes.index(after: $0)...] } ?? bytes[...]
    }

    /// The names that it consists of, as characters. What is no text has the replacement character in its place.
    var names: [[Character]] {
        bytes.split(separator: Self.slash).map { Array(String(decoding: $0, as: UTF8.self)) }
    }

    /// The folders that the path lies in, from the outermost, without the watched folder.
    var folders: [FilePath] {
        bytes.indices.filter { bytes[$0] == Self.slash }.map { FilePath(bytes: Array(bytes[..<$0])) }
    }

    /// Whether the path is one of `places` or lies below one.
    func isInside(_ places: Set<FilePath>) -> Bool {
        places.contains(.root) || places.contains(self) || folders.contains(where: places.contains)
    }

    static func < (left: FilePath, right: FilePath) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}

extension FilePath {
    /// The path as events show it: as it is if it is text, else with its unusual bytes percent-encoded.
    var text: String { exactText ?? Self.percentEncoded(bytes) }

    /// The path as it is, if that is UTF-8 with only the characters that attributes of events may have.
    var exactText: String? {
        guard let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let isAllowed = text.unicodeScalars.allSatisfy { scalar in
            switch scalar.value {
            case 0...0x1F, 0x7F...0x9F, 0xFDD0...0xFDEF: false
            default: scalar.value & 0xFFFE != 0xFFFE
            }
        }
        return isAllowed ? text : nil
    }

    /// The path in plain ASCII, different for different paths: what stores and identifiers use. A path never begins with
    /// a slash, so one that does stands for its percent-encoded rest.
    var key: String {
        bytes.allSatisfy { (0x20..<0x7F).contains($0) }
            ? String(decoding: bytes, as: UTF8.self) : "/" + Self.percentEncoded(bytes)
    }

    /// The path that has this key.
    init?(key: String) {
        let utf8 = Array(key.utf8)
        guard !utf8.isEmpty else { return nil }
        guard utf8[0] == Self.slash else {
            self.init(bytes: utf8)
            return
        }
        var decoded: [UInt8] = []
        var index = 1
        while index < utf8.count {
            guard utf8[index] == UInt8(ascii: "%") else {
                decoded.append(utf8[index])
                index += 1
                continue
            }
            guard index + 2 < utf8.count,
                let byte = UInt8(String(decoding: utf8[index + 1...index + 2], as: UTF8.self), radix: 16)
            else { return nil }
            decoded.append(byte)
            index += 3
        }
        self.init(bytes: decoded)
    }

    /// Bytes other than the printable ones of ASCII, and percent signs, as `%` and two digits.
    private static func percentEncoded(_ bytes: [UInt8]) -> String {
        encoded(bytes) { (0x20..<0x7F).contains($0) && $0 != UInt8(ascii: "%") }
    }

    /// A `file:` URI (RFC 8089) of an absolute path.
    static func uri(ofAbsolute path: String) -> String {
        "file://"
            + encoded(Array(path.utf8)) { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "/-_.~".utf8.contains(byte)
            }
    }

    private static func encoded(_ bytes: [UInt8], unless isPlain: (UInt8) -> Bool) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var result: [UInt8] = []
        for byte in bytes {
            result += isPlain(byte) ? [byte] : [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }
        return String(decoding: result, as: UTF8.self)
    }
}
