extension Event {
    /// The longest attribute name taken; the specification advises 20 characters.
    static let maximumNameLength = 128
    static let coreAttributes: Set<String> = [
        "id", "source", "type", "specversion", "subject", "time", "datacontenttype", "dataschema", "data",
    ]

    /// Checks the rules of CloudEvents 1.0.2 ("Context Attributes" and "Type System").
    /// - Throws: ``EventError`` for the first rule that is broken.
    public func validate() throws(EventError) {
        try Self.checkString(id, "id", isRequired: true)
        try Self.checkString(source, "source", isRequired: true)
        try Self.checkString(type, "type", isRequired: true)
        guard Self.isURIReference(source) else {
            throw EventError(
                .invalidAttribute, "source is not a URI reference (RFC 3986): \"\(Self.shown(source))\"", attribute: "source")
        }
        if let subject { try Self.checkString(subject, "subject", isRequired: true) }
        if let dataContentType {
            guard MediaType(dataContentType) != nil else {
                throw EventError(
                    .invalidAttribute,
                    "datacontenttype is not a media type such as \"application/json\": \"\(Self.shown(dataContentType))\"",
                    attribute: "datacontenttype")
            }
        }
        if let dataSchema {
            guard Self.isURIReference(dataSchema), Self.hasScheme(dataSchema) else {
                throw EventError(
                    .invalidAttribute, "dataschema is not an absolute URI (RFC 3986): \"\(Self.shown(dataSchema))\"",
                    attribute: "dataschema")
            }
        }
        for (name, value) in extensions {
            try Self.checkExtensionName(name)
            if case .string(let text) = value { try Self.checkString(text, name, isRequired: false) }
        }
    }

    static func checkExtensionName(_ name: String) throws(EventError) {
        let isWellFormed = name.utf8.allSatisfy {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
        }
        guard isWellFormed, !name.isEmpty, name.utf8.count <= maximumNameLength else {
            throw EventError(
                .invalidAttributeName,
                "\"\(shown(name))\" cannot name an attribute: expected 1 to \(maximumNameLength) of a-z and 0-9",
                attribute: name)
        }
        guard !coreAttributes.contains(name) else {
            throw EventError(
                .invalidAttributeName, "\"\(name)\" is an attribute of the specification, not an extension",
                attribute: name)
        }
    }

    private static func checkString(_ text: String, _ name: String, isRequired: Bool) throws(EventError) {
        if isRequired, text.isEmpty {
            throw EventError(.missingAttribute, "\(name) is empty; expected at least one character", attribute: name)
        }
        if text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return }
        for scalar in text.unicodeScalars where !isAllowed(scalar) {
            throw EventError(
                .invalidAttribute,
                "\(name) contains U+\(String(scalar.value, radix: 16, uppercase: true)), which attributes may not contain",
                attribute: name)
        }
    }

    /// "String" of the type system: no control characters and no noncharacters; Swift strings hold no surrogates.
    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0...0x1F, 0x7F...0x9F, 0xFDD0...0xFDEF: false
        default: scalar.value & 0xFFFE != 0xFFFE
        }
    }

    /// Whether the text has only characters of RFC 3986 (letters of other scripts pass, as in RFC 3987), and percent signs
    /// only before two hexadecimal digits.
    private static func isURIReference(_ text: String) -> Bool {
        var digitsExpected = 0
        for byte in text.utf8 {
            if digitsExpected > 0 {
                guard isHexadecimal(byte) else { return false }
                digitsExpected -= 1
                continue
            }
            switch byte {
            case UInt8(ascii: "%"): digitsExpected = 2
            case UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\""), UInt8(ascii: "{"), UInt8(ascii: "}"),
                UInt8(ascii: "|"), UInt8(ascii: "\\"), UInt8(ascii: "^"), UInt8(ascii: "`"), 0...0x20, 0x7F:
                return false
            default: break
            }
        }
        return digitsExpected == 0
    }

    private static func hasScheme(_ text: String) -> Bool {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")), let first = text.utf8.first else { return false }
        func isLetter(_ byte: UInt8) -> Bool {
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        }
        return isLetter(first)
            && text.utf8[..<colon].allSatisfy {
                isLetter($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) || $0 == UInt8(ascii: "+")
                    || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".")
            }
    }

    private static func isHexadecimal(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
    }

    /// A text short enough for an error message.
    private static func shown(_ text: String) -> String {
        text.count <= 80 ? text : text.prefix(77) + "..."
    }
}
