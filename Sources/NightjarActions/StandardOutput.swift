import NightjarCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Reads a program's standard output: finds lines such as `::progress 0.4 uploading`, and keeps the rest as long as it
/// may be the run's result.
struct StandardOutput: Sendable {
    private static let mark = Array("::progress ".utf8)
    private static let longestProgressLine = 1200

    /// The line that has begun, as far as it may be a progress line.
    private var line: [UInt8] = []
    private var lineLength = 0
    /// All lines but those of progress; `nil` once they are too long for a result.
    private var document: [UInt8]? = []

    /// Takes what was written.
    /// - Returns: the progress that complete lines report.
    mutating func append(_ bytes: UnsafeRawBufferPointer) -> [Progress] {
        var found: [Progress] = []
        var rest = bytes[...]
        while let end = Self.lineEnd(rest) {
            extendLine(rest[...end])
            if let progress = endLine() { found.append(progress) }
            rest = rest[(end + 1)...]
        }
        if !rest.isEmpty { extendLine(rest) }
        return found
    }

    /// The result: all that was written besides progress, if it is one JSON text.
    mutating func finish() -> (progress: Progress?, result: [UInt8]?) {
        let progress = endLine()
        return (progress, document.flatMap { JSONResult.trimmed($0) })
    }

    private static func lineEnd(_ bytes: Slice<UnsafeRawBufferPointer>) -> Int? {
        let part = UnsafeRawBufferPointer(rebasing: bytes)
        guard let start = part.baseAddress, let end = memchr(start, CInt(UInt8(ascii: "\n")), part.count) else {
            return nil
        }
        return bytes.startIndex + (UnsafeRawPointer(end) - start)
    }

    private mutating func extendLine(_ bytes: Slice<UnsafeRawBufferPointer>) {
        line += bytes.prefix(max(0, Self.longestProgressLine - line.count))
        lineLength += bytes.count
        document? += bytes.prefix(JSONResult.maximumBytes + Self.longestProgressLine)
        // A progress line may have to be taken back, so there is room for one.
        if let count = document?.count, count > JSONResult.maximumBytes + Self.longestProgressLine { document = nil }
    }

    private mutating func endLine() -> Progress? {
        defer {
            line.removeAll(keepingCapacity: true)
            lineLength = 0
        }
        guard lineLength <= Self.longestProgressLine, let progress = Self.progress(line) else { return nil }
        document?.removeLast(lineLength)
        return progress
    }

    private static func progress(_ line: [UInt8]) -> Progress? {
        guard line.starts(with: mark) else { return nil }
        let parts = String(decoding: line.dropFirst(mark.count), as: UTF8.self)
            .split(maxSplits: 1, whereSeparator: \.isWhitespace)
        guard let fraction = parts.first.flatMap({ Double($0) }), fraction.isFinite else { return nil }
        let text = parts.count > 1 ? parts[1].trimmingSuffix(while: \.isWhitespace) : ""
        return Progress(fraction, text.isEmpty ? nil : String(text))
    }
}

extension Substring {
    fileprivate func trimmingSuffix(while isUnwanted: (Character) -> Bool) -> Substring {
        var end = endIndex
        while end > startIndex, isUnwanted(self[index(before: end)]) { end = index(before: end) }
        return self[..<end]
    }
}
