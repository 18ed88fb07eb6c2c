import CloudEvents
import Foundation

/// An event notification of Amazon S3 ("Event message structure", Amazon S3 User Guide).
enum S3Notification: Sendable {
    /// What happened, one after the other.
    case records([Record])
    /// What S3 sends when notifications are set up.
    case test

    /// One thing that happened.
    struct Record: Sendable {
        let json: [UInt8]
        let name: String
        let time: Timestamp?
        let bucket: String?
        let key: String?

        /// Makes an event say this, as CloudEvents advises ("AWS Simple Storage Service CloudEvents Adapter"); its id and
        /// source stay those of the message, because what S3 gives is no id where one request changes several objects.
        func describe(_ event: inout Event) {
            event.type = "com.amazonaws.s3.\(name)"
            event.time = time ?? event.time
            if let key { event.subject = key }
            if let bucket { event.extensions["bucket"] = .string(bucket) }
            event.dataContentType = "application/json"
            event.data = json
        }
    }

    /// Reads a text; `nil` if it is no notification.
    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard let members = try? JSONText.members(of: bytes) else { return nil }
        if let list = members.first(where: { $0.name == "Records" })?.value {
            guard let records = Self.records(list), !records.isEmpty else { return nil }
            self = .records(records)
        } else if let event = members.first(where: { $0.name == "Event" })?.value,
            event == Array("\"s3:TestEvent\"".utf8)
        {
            self = .test
        } else {
            return nil
        }
    }

    private struct Document: Decodable {
        var eventSource: String
        var eventName: String
        var eventTime: String?
        var s3: S3?

        struct S3: Decodable {
            var bucket: Bucket?
            var object: Object?
        }
        struct Bucket: Decodable { var name: String? }
        struct Object: Decodable { var key: String? }
    }

    private static func records(_ json: [UInt8]) -> [Record]? {
        guard json.first == UInt8(ascii: "[") else { return nil }
        var records: [Record] = []
        for element in elements(json) {
            // Of Amazon S3 alone: other services have records too.
            guard let document = try? JSONDecoder().decode(Document.self, from: Data(element)),
                document.eventSource.hasSuffix(":s3"), !document.eventName.isEmpty, PlainText.isOne(document.eventName)
            else { return nil }
            records.append(
                Record(
                    json: element, name: document.eventName,
                    time: document.eventTime.flatMap { Timestamp(rfc3339: $0) },
                    bucket: plain(document.s3?.bucket?.name), key: document.s3?.object?.key.flatMap(decodedKey)))
        }
        return records
    }

    /// The elements of an array as they stand in a text that is known to be JSON.
    private static func elements(_ json: [UInt8]) -> [[UInt8]] {
        var elements: [[UInt8]] = []
        var start = 1
        var depth = 0
        var isInString = false
        var isEscaped = false
        for (index, byte) in json.enumerated() {
            if isInString {
                isInString = isEscaped || byte != UInt8(ascii: "\"")
                isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0, index > start { elements.append(Array(json[start..<index])) }
            case UInt8(ascii: ",") where depth == 1:
                elements.append(Array(json[start..<index]))
                start = index + 1
            default: break
            }
        }
        return elements
    }

    /// Keys are encoded as forms are.
    private static func decodedKey(_ key: String) -> String? {
        let bytes = PercentCoding.decode(key.replacing("+", with: " "))
        return plain(String(validating: bytes, as: UTF8.self)) ?? plain(key)
    }

    private static func plain(_ text: String?) -> String? {
        guard let text, !text.isEmpty, PlainText.isOne(text) else { return nil }
        return text
    }
}
