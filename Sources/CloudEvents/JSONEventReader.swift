/// Reads one event of the JSON Event Format in one pass. What depends on members that may still come, as the meaning of
/// `data` does on `datacontenttype`, is kept as a place in the text until the object has ended.
struct JSONEventReader {
    private var event = Event(id: "", source: "", type: "")
    private var seen: Set = []
    private var nullExtensions: [String] = []
    private var data: DataMember?
    private var base64: ScannedString?

    private enum DataMember {
        case string(ScannedString, whole: Range<Int>)
        case other(Range<Int>)
    }

    /// The event that begins at the scanner's place; leaves the scanner behind it.
    static func event(_ scanner: inout JSONScanner) throws(EventError) -> Event {
        var reader = JSONEventReader()
        return try reader.read(&scanner)
    }

    private mutating func read(_ scanner: inout JSONScanner) throws(EventError) -> Event {
        try scanner.expect("{", "'{', the beginning of an event")
        if !scanner.skip("}") {
            repeat {
                try readMember(&scanner)
            } while try scanner.more(until: "}")
        }
        try checkRequired()
        try setData(scanner)
        try event.validate()
        return event
    }

    private mutating func readMember(_ scanner: inout JSONScanner) throws(EventError) {
        let scanned = try scanner.memberName()
        guard let member = Self.member(scanned, scanner) else { return try readExtension(scanned, &scanner) }
        guard seen.insert(member.bit).inserted else { throw Self.duplicate(member.name, scanned, scanner) }
        switch member {
        case .data: data = try readData(&scanner)
        case .dataBase64: base64 = try readString(member, &scanner)
        case .specVersion: try Event.checkVersion(try readRequired(member, &scanner))
        case .id: event.id = try readRequired(member, &scanner)
        case .source: event.source = try readRequired(member, &scanner)
        case .type: event.type = try readRequired(member, &scanner)
        case .subject: event.subject = try readText(member, &scanner)
        case .time: event.time = try readTime(&scanner)
        case .dataContentType: event.dataContentType = try readText(member, &scanner)
        case .dataSchema: event.dataSchema = try readText(member, &scanner)
        }
    }

    // MARK: Values

    /// A string's place; `nil` for `null`.
    private func readString(_ member: Member, _ scanner: inout JSONScanner) throws(EventError) -> ScannedString? {
        if scanner.peek() == UInt8(ascii: "\"") { return try scanner.string() }
        let range = try scanner.skipValue()
        guard scanner.bytes[range.lowerBound] == UInt8(ascii: "n") else {
            throw EventError(
                member == .dataBase64 ? .invalidData : .invalidAttribute,
                "\(member.name) is \(Self.kind(of: range, scanner)); expected a string", attribute: member.name,
                byteOffset: range.lowerBound)
        }
        return nil
    }

    private func readText(_ member: Member, _ scanner: inout JSONScanner) throws(EventError) -> String? {
        guard let string = try readString(member, &scanner) else { return nil }
        return scanner.text(string)
    }

    private func readRequired(_ member: Member, _ scanner: inout JSONScanner) throws(EventError) -> String {
        guard let text = try readText(member, &scanner) else { throw Event.missing(member.name) }
        return text
    }

    private func readTime(_ scanner: inout JSONScanner) throws(EventError) -> Timestamp? {
        guard let string = try readString(.time, &scanner) else { return nil }
        let contents = UnsafeBufferPointer(rebasing: scanner.bytes[string.contents])
        if let time = Timestamp(rfc3339: contents) { return time }
        // A time may have its characters escaped, though nobody does.
        let text = scanner.text(string)
        if let time = Timestamp(rfc3339: text) { return time }
        throw Event.invalidTime(text)
    }

    private func readData(_ scanner: inout JSONScanner) throws(EventError) -> DataMember {
        guard scanner.peek() == UInt8(ascii: "\"") else { return .other(try scanner.skipValue()) }
        let start = scanner.at
        let string = try scanner.string()
        return .string(string, whole: start..<scanner.at)
    }

    private mutating func readExtension(
        _ scanned: ScannedString, _ scanner: inout JSONScanner
    ) throws(EventError) {
        let name = scanner.text(scanned)
        do throws(EventError) {
            try Event.checkExtensionName(name)
        } catch {
            var error = error
            error.byteOffset = scanned.contents.lowerBound
            throw error
        }
        guard event.extensions.count + nullExtensions.count < Event.Limits.extensions else {
            throw Event.tooManyExtensions()
        }
        guard event.extensions[name] == nil, !nullExtensions.contains(name) else {
            throw Self.duplicate(name, scanned, scanner)
        }
        if let value = try readAttribute(name, &scanner) {
            event.extensions[name] = value
        } else {
            nullExtensions.append(name)
        }
    }

    private func readAttribute(_ name: String, _ scanner: inout JSONScanner) throws(EventError) -> AttributeValue? {
        if scanner.peek() == UInt8(ascii: "\"") { return .string(scanner.text(try scanner.string())) }
        let range = try scanner.skipValue()
        switch scanner.bytes[range.lowerBound] {
        case UInt8(ascii: "n"): return nil
        case UInt8(ascii: "t"): return .boolean(true)
        case UInt8(ascii: "f"): return .boolean(false)
        default:
            // 11 is the length of the least 32-bit integer.
            if range.count <= 11, let number = Int32(String(decoding: scanner.bytes[range], as: UTF8.self)) {
                return .integer(number)
            }
            throw EventError(
                .invalidAttribute,
                "\(name) is \(Self.kind(of: range, scanner)); expected a string, a boolean or a 32-bit integer",
                attribute: name, byteOffset: range.lowerBound)
        }
    }

    // MARK: Once the object has ended

    private func checkRequired() throws(EventError) {
        for member in [Member.specVersion, .id, .source, .type] where !seen.contains(member.bit) {
            throw Event.missing(member.name)
        }
    }

    private mutating func setData(_ scanner: JSONScanner) throws(EventError) {
        if let base64 {
            guard data == nil else {
                throw EventError(
                    .invalidData, "data and data_base64 are both there; expected one of them", attribute: "data_base64",
                    byteOffset: base64.contents.lowerBound)
            }
            let bytes =
                base64.hasEscapes
                ? Base64.decode(scanner.text(base64))
                : Base64.decode(UnsafeBufferPointer(rebasing: scanner.bytes[base64.contents]))
            guard let bytes else {
                throw EventError(
                    .invalidData, "data_base64 is not Base64; expected it with padding (RFC 4648, section 4)",
                    attribute: "data_base64", byteOffset: base64.contents.lowerBound)
            }
            event.data = bytes
            return
        }
        switch data {
        case .string(let string, let whole):
            let isJSON = event.dataContentType.map(JSONText.isJSONContentType) ?? true
            event.data = isJSON ? Array(scanner.bytes[whole]) : scanner.utf8(string)
        case .other(let range): event.data = Array(scanner.bytes[range])
        case nil: break
        }
    }

    // MARK: Errors

    private static func duplicate(_ name: String, _ scanned: ScannedString, _ scanner: JSONScanner) -> EventError {
        scanner.error("the member \"\(name)\" stands twice", at: scanned.contents.lowerBound - 1)
    }

    private static func kind(of range: Range<Int>, _ scanner: JSONScanner) -> String {
        switch scanner.bytes[range.lowerBound] {
        case UInt8(ascii: "{"): "an object"
        case UInt8(ascii: "["): "an array"
        case UInt8(ascii: "t"), UInt8(ascii: "f"): "a boolean"
        default: "the number \(String(decoding: scanner.bytes[range].prefix(40), as: UTF8.self))"
        }
    }
}

extension JSONEventReader {
    /// The members that the specification names.
    private enum Member: UInt16 {
        case specVersion, id, source, type, subject, time, dataContentType, dataSchema, data, dataBase64

        var bit: Set { Set(rawValue: 1 << rawValue) }

        var name: String {
            switch self {
            case .specVersion: "specversion"
            case .id: "id"
            case .source: "source"
            case .type: "type"
            case .subject: "subject"
            case .time: "time"
            case .dataContentType: "datacontenttype"
            case .dataSchema: "dataschema"
            case .data: "data"
            case .dataBase64: "data_base64"
            }
        }
    }

    private struct Set: OptionSet {
        var rawValue: UInt16
    }

    /// The member with that name; `nil` for an extension's.
    private static func member(_ scanned: ScannedString, _ scanner: JSONScanner) -> Member? {
        guard !scanned.hasEscapes else {
            return scanner.utf8(scanned).withUnsafeBufferPointer(member)
        }
        return member(UnsafeBufferPointer(rebasing: scanner.bytes[scanned.contents]))
    }

    /// By length first, so that no name is compared with more than three.
    private static func member(_ name: UnsafeBufferPointer<UInt8>) -> Member? {
        func matches(_ word: StaticString) -> Bool {
            for index in 0..<name.count where name[index] != word.utf8Start[index] { return false }
            return true
        }
        switch name.count {
        case 2: return matches("id") ? .id : nil
        case 4: return matches("type") ? .type : matches("time") ? .time : matches("data") ? .data : nil
        case 6: return matches("source") ? .source : nil
        case 7: return matches("subject") ? .subject : nil
        case 10: return matches("dataschema") ? .dataSchema : nil
        case 11: return matches("specversion") ? .specVersion : matches("data_base64") ? .dataBase64 : nil
        case 15: return matches("datacontenttype") ? .dataContentType : nil
        default: return nil
        }
    }
}
