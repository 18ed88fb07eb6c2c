import CloudEvents

/// Finds the result of a run in what its action answered.
enum JSONResult {
    /// The longest result kept.
    static let maximumBytes = 64 << 10

    /// The bytes without white space around them, if they are one JSON text that is short enough.
    static func trimmed(_ bytes: [UInt8]) -> [UInt8]? {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
        guard let first = bytes.firstIndex(where: { !isSpace($0) }),
            let last = bytes.lastIndex(where: { !isSpace($0) }),
            last - first < maximumBytes
        else { return nil }
        let text = Array(bytes[first...last])
        return JSONText.isValid(text) ? text : nil
    }
}
