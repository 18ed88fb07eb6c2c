extension Event {
    /// Checks the rules of CloudEvents 1.0.2 ("Context Attributes" and "Type System") and the sizes of ``Limits``.
    ///
    /// - `id`, `source` and `type` are there; `subject` is not empty.
    /// - `source` is a URI reference and `dataschema` a URI (RFC 3986), `datacontenttype` a media type (RFC 2046).
    /// - Extensions have names of a-z and 0-9 that the specification does not use itself.
    /// - No value contains control characters (U+0000-001F, U+007F-009F) or noncharacters.
    ///
    /// - Throws: ``EventError`` for the first rule that is broken.
    public func validate() throws(EventError) {
        try Self.checkRequired(id, "id")
        try Self.checkRequired(source, "source")
        try Self.checkRequired(type, "type")
        guard URIReference(source) != nil else { throw Self.invalid("source", source, "a URI reference (RFC 3986)") }
        if let subject {
            guard !subject.isEmpty else {
                throw EventError(
                    .invalidAttribute, "subject is empty; expected at least one character, or no subject",
                    attribute: "subject")
            }
            try Self.checkString(subject, "subject")
        }
        if let dataContentType {
            try Self.checkString(dataContentType, "datacontenttype")
            guard MediaType(dataContentType) != nil else {
                throw Self.invalid("datacontenttype", dataContentType, "a media type such as \"application/json\"")
            }
        }
        if let dataSchema {
            try Self.checkString(dataSchema, "dataschema")
            guard let reference = URIReference(dataSchema), reference.hasScheme else {
                throw Self.invalid("dataschema", dataSchema, "an absolute URI (RFC 3986)")
            }
        }
        if !extensions.isEmpty { try checkExtensions() }
    }

    private func checkExtensions() throws(EventError) {
        guard extensions.count <= Limits.extensions else { throw Self.tooManyExtensions() }
        for (name, value) in extensions {
            try Self.checkExtensionName(name)
            if case .string(let text) = value { try Self.checkString(text, name) }
        }
    }

    static func tooManyExtensions() -> EventError {
        EventError(.tooMany, "the event has more than \(Limits.extensions) extensions")
    }

    static func checkExtensionName(_ name: String) throws(EventError) {
        var name = name
        let count = name.utf8.count
        let isWellFormed = name.withUTF8 { bytes in
            bytes.allSatisfy { byte in byte &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10 }
        }
        guard isWellFormed, count > 0, count <= Limits.attributeNameBytes else {
            throw EventError(
                .invalidAttributeName,
                "\"\(shown(name))\" is no attribute's name; expected a-z and 0-9, \(Limits.attributeNameBytes) at most",
                attribute: shown(name))
        }
        guard !definedNames.contains(name) else {
            throw EventError(
                .invalidAttributeName,
                "\"\(name)\" is a name of the specification itself; expected another name for an extension",
                attribute: name)
        }
    }

    /// The names that the specification itself defines.
    static let definedNames: Set<String> = [
        "id", "source", "type", "specversion", "subject", "time", "datacontenttype", "dataschema", "data",
    ]

    private static func checkRequired(_ text: String, _ name: String) throws(EventError) {
        guard !text.isEmpty else {
            throw EventError(.missingAttribute, "\(name) is empty; expected at least one character", attribute: name)
        }
        try checkString(text, name)
    }

    private static func checkString(_ text: String, _ name: String) throws(EventError) {
        var text = text
        let count = text.utf8.count
        guard count <= Limits.attributeBytes else {
            throw EventError(
                .tooLarge, "\(name) has \(count) bytes; expected at most \(Limits.attributeBytes)", attribute: name)
        }
        let isPrintableASCII = text.withUTF8 { bytes in
            // Without an early exit, so that the compiler makes it a vector loop.
            var isPrintable = true
            for byte in bytes { isPrintable = isPrintable && byte &- 0x20 < 0x5F }
            return isPrintable
        }
        if isPrintableASCII { return }
        for scalar in text.unicodeScalars where !isAllowed(scalar) {
            throw EventError(
                .invalidAttribute, "\(name) contains \(codePoint(scalar)), which no attribute may contain",
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

    private static func codePoint(_ scalar: Unicode.Scalar) -> String {
        let digits = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }

    static func invalid(_ name: String, _ value: String, _ expected: String) -> EventError {
        EventError(.invalidAttribute, "\(name) is \"\(shown(value))\"; expected \(expected)", attribute: name)
    }

    /// A text short and plain enough for an error message, whatever stands in it.
    static func shown(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars.prefix(80) {
            if isAllowed(scalar) { result.unicodeScalars.append(scalar) } else { result += codePoint(scalar) }
        }
        return text.unicodeScalars.count > 80 ? result + "..." : result
    }
}

/// What every format says of the attributes that it reads.
extension Event {
    static func missing(_ name: String) -> EventError {
        let expected = name == "specversion" ? "; expected \"\(specVersion)\"" : ""
        return EventError(.missingAttribute, "the required attribute \(name) is missing\(expected)", attribute: name)
    }

    static func checkVersion(_ version: String) throws(EventError) {
        guard version == specVersion else {
            throw EventError(
                .unsupportedSpecVersion, "specversion is \"\(shown(version))\"; expected \"\(specVersion)\"",
                attribute: "specversion")
        }
    }

    static func invalidTime(_ text: String) -> EventError {
        invalid("time", text, "a timestamp such as \"2026-01-31T08:00:00Z\" (RFC 3339)")
    }
}
