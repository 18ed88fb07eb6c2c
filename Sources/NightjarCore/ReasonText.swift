/// What is kept of a reason or an error message: enough to understand it, however long it was.
public enum ReasonText {
    /// How many bytes of UTF-8 are kept at most, where nothing else is said.
    public static let maximumBytes = 4096

    /// The text; where it is longer than `limit` bytes of UTF-8, its beginning, an ellipsis and how long it was.
    public static func cut(_ text: String, to limit: Int = maximumBytes) -> String {
        guard text.utf8.count > limit else { return text }
        var end = text.utf8.index(text.startIndex, offsetBy: max(0, limit))
        while String.Index(end, within: text.unicodeScalars) == nil { text.utf8.formIndex(before: &end) }
        return "\(text[..<end])… (\(text.utf8.count) bytes)"
    }
}
