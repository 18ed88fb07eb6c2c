/// Sizes in bytes as people write them: `512B`, `64KiB`, `1MB`, or a bare number of bytes.
enum SizeText {
    /// What is expected, for messages.
    static let expected = "a size such as 512B, 64KiB or 1MB"

    private static let units: [(name: String, bytes: Int)] = [
        ("", 1), ("B", 1), ("KB", 1000), ("kB", 1000), ("MB", 1_000_000), ("GB", 1_000_000_000),
        ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30),
    ]

    /// The number of bytes; `nil` if it is no size.
    static func bytes(_ text: String) -> Int? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let name = text.dropFirst(digits.count)
        guard let number = Int(digits), let unit = units.first(where: { $0.name == name }) else { return nil }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: unit.bytes)
        return overflow ? nil : bytes
    }
}
