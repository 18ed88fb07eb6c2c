/// A media type with its parameters (RFC 2045, section 5.1; RFC 9110, section 8.3.1).
package struct MediaType: Sendable, Hashable {
    /// Type and subtype in lower case: `application/json`.
    package var essence: String
    /// The `charset` parameter in lower case.
    package var charset: String?

    /// Reads a media type; `nil` if the text is none.
    package init?(_ text: String) {
        let parts = text.split(separator: ";", omittingEmptySubsequences: false)
        let essence = Self.trimmed(parts[0]).lowercased()
        let halves = essence.split(separator: "/", omittingEmptySubsequences: false)
        guard halves.count == 2, halves.allSatisfy(Self.isToken) else { return nil }
        self.essence = essence
        for part in parts.dropFirst() {
            let parameter = Self.trimmed(part)
            if parameter.isEmpty { continue }
            guard let equals = parameter.firstIndex(of: "="), Self.isToken(parameter[..<equals]) else { return nil }
            var value = parameter[parameter.index(after: equals)...]
            if value.count >= 2, value.first == "\"", value.last == "\"" { value = value.dropFirst().dropLast() }
            if parameter[..<equals].lowercased() == "charset" { charset = value.lowercased() }
        }
    }

    /// Whether data of this type is JSON: `…/json` or `…+json`.
    package var isJSON: Bool { essence.hasSuffix("/json") || essence.hasSuffix("+json") }

    /// Whether data of this type is text.
    package var isText: Bool { essence.hasPrefix("text/") || essence.hasSuffix("+xml") || essence == "application/xml" }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return text
    }

    private static func isToken(_ text: Substring) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case 0...0x20, 0x7F...: false
                default: !"()<>@,;:\\\"/[]?={}".utf8.contains(byte)
                }
            }
    }
}
