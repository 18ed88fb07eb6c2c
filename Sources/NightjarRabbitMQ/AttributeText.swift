import CLibrabbitmq
import CloudEvents

/// Texts of messages that become attributes of events.
enum AttributeText {
    /// Whether an attribute may have this value: short enough, and without control characters.
    static func isAllowed(_ text: String) -> Bool {
        var text = text
        let isPlain = text.withUTF8 { bytes in
            bytes.count <= 1024 && bytes.allSatisfy { $0 &- 0x20 < 0x5F }
        }
        if isPlain { return true }
        let probe = Event(id: "1", source: "s", type: "t", extensions: ["a": .string(text)])
        return (try? probe.validate()) != nil
    }

    /// The text if an attribute may have it, and it is not empty.
    static func read(_ bytes: amqp_bytes_t) -> String? {
        guard let text = bytes.validText, !text.isEmpty, isAllowed(text) else { return nil }
        return text
    }
}

/// Remembers the text that was made of some bytes: most messages of a queue have the same exchange, key and type.
struct RepeatedText {
    private var bytes: [UInt8] = []
    private var text: String?
    private let accept: @Sendable (String) -> Bool

    /// - Parameter accept: which texts are of use.
    init(_ accept: @escaping @Sendable (String) -> Bool = { _ in true }) { self.accept = accept }

    /// The text of the bytes if it is of use.
    mutating func read(_ source: amqp_bytes_t) -> String? {
        let buffer = source.buffer
        if buffer.count == bytes.count, buffer.elementsEqual(bytes) { return text }
        bytes = Array(buffer)
        text = AttributeText.read(source).flatMap { accept($0) ? $0 : nil }
        return text
    }
}
