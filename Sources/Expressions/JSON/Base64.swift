import Foundation

/// Base64 (RFC 4648, section 4).
enum Base64 {
    static func encode(_ bytes: [UInt8]) -> String { Data(bytes).base64EncodedString() }

    /// The bytes; padding may be missing as a whole. `nil` if it is not base64, or bits are left over.
    static func decode(_ text: String) -> [UInt8]? {
        let missing = (4 - text.utf8.count % 4) % 4
        guard missing == 0 || !text.utf8.contains(UInt8(ascii: "=")) else { return nil }
        let padded = text + String(repeating: "=", count: missing)
        // Foundation passes over bits that are left over; written again, the text would be another one.
        guard let data = Data(base64Encoded: padded), data.base64EncodedString() == padded else { return nil }
        return Array(data)
    }
}
