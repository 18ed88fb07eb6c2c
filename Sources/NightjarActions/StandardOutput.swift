import NightjarCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Reads a program's standard output: finds lines such as `::progress 0.4 uploading`, of a batch also `::failed 3 no address`,
/// and keeps the rest as long as it may be the run's result.
struct StandardOutput: Sendable {
    /// What a line says that is meant for Nightjar.
    enum Mark: Sendable {
        case progress(Progress)
        /// An item of a batch failed.
        case failed(index: Int, reason: String)
    }

    private static let progressMark = Array("::progress ".utf8)
    private static let failedMark = Array("::failed ".utf8)
    private static let longestMarkedLine = 1200

    /// Whether the program does a batch, of which it may say what failed.
    let isBatch: Bool
    /// The line that has begun, as far as it may be a marked one.
    private var line: [UInt8] = []
    private var lineLength = 0
    /// All lines but the marked ones; `nil` once they are too long for a result.
    private var document: [UInt8]? = []

    init(isBatch: Bool = false) {
        self.isBatch = isBatch
    }

    /// Takes what was written.
    /// - Returns: what complete lines say.
    mutating func append(_ bytes: UnsafeRawBufferPointer) -> [Mark] {
        var found: [Mark] = []
        var rest = bytes[...]
        while let end = Self.lineEnd(rest) {
            extendLine(rest[...end])
            if let mark = endLine() { found.append(mark) }
            rest = rest[(end + 1)...]
        }
        if !rest.isEmpty { extendLine(rest) }
        return found
    }

    /// The result: all that was written besides marked lines, if it is one JSON text.
    mutating func finish() -> (mark: Mark?, result: [UInt8]?) {
        let mark = endLine()
        return (mark, document.flatMap { JSONResult.trimmed($0) })
    }

    private static func lineEnd(_ bytes: Slice<UnsafeRawBufferPointer>) -> Int? {
        let part = UnsafeRawBufferPointer(rebasing: bytes)
        guard let start = part.baseAddress, let end = memchr(start, CInt(UInt8(ascii: "\n")), part.count) else {
            return nil
        }
        return bytes.startIndex + (UnsafeRawPointer(end) - start)
    }

    private mutating func extendLine(_ bytes: Slice<UnsafeRawBufferPointer>) {
        line += bytes.prefix(max(0, Self.longestMarkedLine - line.count))
        lineLength += bytes.count
        document? += bytes.prefix(JSONResult.maximumBytes + Self.longestMarkedLine)
        // A marked line may have to be taken back, so there is room for one.
        if let count = document?.count, count > JSONResult.maximumBytes + Self.longestMarkedLine { document = nil }
    }

    private mutating func endLine() -> Mark? {
        defer {
            line.removeAll(keepingCapacity: true)
            lineLength = 0
        }
        guard lineLength <= Self.longestMarkedLine, let mark = mark(line) else { return nil }
        document?.removeLast(lineLength)
        return mark
    }

    private func mark(_ line: [UInt8]) -> Mark? {
        if let (word, text) = Self.parts(line, after: Self.progressMark) {
            guard let fraction = Double(word), fraction.isFinite else { return nil }
            return .progress(Progress(fraction, text.isEmpty ? nil : text))
        }
        if isBatch, let (word, text) = Self.parts(line, after: Self.failedMark) {
            guard let index = Int(word) else { return nil }
            return .failed(index: index, reason: text.isEmpty ? "failed" : text)
        }
        return nil
    }

    /// The first word and the text after it.
    private static func parts(_ line: [UInt8], after mark: [UInt8]) -> (word: Substring, text: String)? {
        guard line.starts(with: mark) else { return nil }
        let parts = String(decoding: line.dropFirst(mark.count), as: UTF8.self)
            .split(maxSplits: 1, whereSeparator: \.isWhitespace)
        guard let word = parts.first else { return nil }
        return (word, parts.count > 1 ? String(parts[1].trimmingSuffix(while: \.isWhitespace)) : "")
    }
}

extension Substring {
    fileprivate func trimmingSuffix(while isUnwanted: (Character) -> Bool) -> Substring {
        var end = endIndex
        while end > startIndex, isUnwanted(self[index(before: end)]) { end = index(before: end) }
        return self[..<end]
    }
}
