/// The end of what was written, for an error message.
struct RecentLines: Sendable {
    private static let bytesKept = 2048
    private static let linesShown = 3
    private static let longestLine = 300

    private var recent: [UInt8] = []

    mutating func append(_ bytes: some BidirectionalCollection<UInt8>) {
        recent += bytes.suffix(Self.bytesKept)
        if recent.count > 2 * Self.bytesKept { recent.removeFirst(recent.count - Self.bytesKept) }
    }

    /// The last lines that say something, in one line; `nil` if there is none.
    var summary: String? {
        let lines = String(decoding: recent.suffix(Self.bytesKept), as: UTF8.self)
            .split(whereSeparator: \.isNewline)
            .map { line in
                String(
                    String.UnicodeScalarView(line.unicodeScalars.filter { $0.properties.generalCategory != .control }))
            }
            .filter { !$0.allSatisfy(\.isWhitespace) }
            .suffix(Self.linesShown)
            .map { $0.prefix(Self.longestLine) }
        return lines.isEmpty ? nil : lines.joined(separator: " | ")
    }
}
