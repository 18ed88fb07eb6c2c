/// Finds lines such as `::progress 0.4 uploading` in a program's output.
struct ProgressLines {
    private static let mark = Array("::progress ".utf8)
    private static let longestLine = 1200

    private var line: [UInt8] = []

    /// The progress that complete lines among `bytes` report.
    mutating func scan(_ bytes: some Sequence<UInt8>) -> [(fraction: Double, text: String?)] {
        var found: [(fraction: Double, text: String?)] = []
        for byte in bytes {
            guard byte == 0x0A else {
                if line.count < Self.longestLine { line.append(byte) }
                continue
            }
            if line.starts(with: Self.mark) {
                let parts = String(decoding: line.dropFirst(Self.mark.count), as: UTF8.self)
                    .split(separator: " ", maxSplits: 1)
                if let fraction = parts.first.flatMap({ Double($0) }) {
                    found.append((fraction, parts.count > 1 ? String(parts[1]) : nil))
                }
            }
            line.removeAll(keepingCapacity: true)
        }
        return found
    }
}
