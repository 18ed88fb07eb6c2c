import CloudEvents
import Testing

@Suite("The rules of events")
struct EventRulesTests {
    @Test("an event with all attributes keeps the rules")
    func complete() throws {
        try Event(
            id: "A234-1234-1234", source: "https://github.com/cloudevents/spec/pull",
            type: "com.github.pull_request.opened",
            subject: "größe 😀", time: .distantPast, dataContentType: "text/xml; charset=utf-8",
            dataSchema: "https://example.com/schemas/1#order",
            extensions: [
                "comexampleextension1": .string("value"), "a": .boolean(false), "9": .integer(.min), "e": .string(""),
            ],
            data: []
        ).validate()
    }

    @Test("a required attribute that is empty is missing", arguments: ["id", "source", "type"])
    func required(name: String) {
        let event = Event.plain {
            switch name {
            case "id": $0.id = ""
            case "source": $0.source = ""
            default: $0.type = ""
            }
        }
        let error = thrown(event.validate)
        #expect(error?.code == .missingAttribute)
        #expect(error?.attribute == name)
    }

    @Test("an empty subject is no subject")
    func emptySubject() {
        let error = thrown(Event.plain { $0.subject = "" }.validate)
        #expect(error?.code == .invalidAttribute)
        #expect(error?.attribute == "subject")
    }

    @Test(
        "a source is a URI reference",
        arguments: [
            "https://github.com/cloudevents", "mailto:cncf-wg-serverless@lists.cncf.io",
            "urn:uuid:6e8bc430-9c3a-11d9-9669-0800200c9a66", "cloudevents/spec/pull/123", "/cloudevents/spec/pull/123",
            "/sensors/tn-1234567/alerts", "1-555-123-4567", "?query", "#fragment", "//host/path", "a/b:c", "./1:2",
            "http://[2001:db8::7]:80/c=GB?objectClass?one", "file:///tmp/a%20b", "x:",
            "http://u:p@h/?a=b;c&d=(e),'f'*!$~#/?",
            "s3://bucket/%E2%82%AC",
        ])
    func source(text: String) throws {
        try Event.plain { $0.source = text }.validate()
    }

    @Test(
        "what has characters or forms outside RFC 3986 is no source",
        arguments: [
            "a b", "a\"b", "a<b", "a>b", "a\\b", "a^b", "a`b", "a{b", "a}b", "a|b", "größe", "/😀", "%", "%4", "a%zz",
            "%4g",
            "1:2", ":a", "a_b:c", "é:c", "a#b#c", "/a[0]", "http://h/[", "a?[", "[::1]",
        ])
    func badSource(text: String) {
        let error = thrown(Event.plain { $0.source = text }.validate)
        #expect(error?.code == .invalidAttribute)
        #expect(error?.attribute == "source")
        #expect(error?.message.contains("RFC 3986") == true)
    }

    @Test("a dataschema is a URI with a scheme", arguments: ["https://example.com/s", "urn:x:y", "a+b-c.1:d"])
    func schema(text: String) throws {
        try Event.plain { $0.dataSchema = text }.validate()
    }

    @Test(
        "a relative reference is no dataschema",
        arguments: ["", "/schema", "schema", "//host/a", "#a", "1a:b", "a b:c", "+a:b"])
    func badSchema(text: String) {
        let error = thrown(Event.plain { $0.dataSchema = text }.validate)
        #expect(error?.code == .invalidAttribute)
        #expect(error?.attribute == "dataschema")
    }

    @Test(
        "a datacontenttype is a media type",
        arguments: [
            "application/json", "text/plain;charset=utf-8", "text/plain ; charset=\"utf-8\"",
            "application/vnd.a.b+xml; v=1",
            "TEXT/HTML", "multipart/mixed; boundary=\"a;b\\\"c\"", "a/b;", "a/b; ; c=d", "x/y; c=''",
        ])
    func contentType(text: String) throws {
        try Event.plain { $0.dataContentType = text }.validate()
    }

    @Test(
        "anything else is no datacontenttype",
        arguments: [
            "", "json", "application/", "/json", "a/b/c", "a b/c", "a/b c", "a/b; c", "a/b; =d", "a/b; c=",
            "a/b; c=\"d",
            "a/b, c/d", "a/b; c = d", "ä/b", "a/b; c=d e", "a/b\u{0}", "a/b; c=\"\u{7}\"",
        ])
    func badContentType(text: String) {
        let error = thrown(Event.plain { $0.dataContentType = text }.validate)
        #expect(error?.code == .invalidAttribute)
        #expect(error?.attribute == "datacontenttype")
    }

    @Test(
        "an extension's name has lower-case letters and digits",
        arguments: ["a", "0", "traceparent", "a1b2", String(repeating: "x", count: Event.Limits.attributeNameBytes)])
    func extensionName(name: String) throws {
        try Event.plain { $0.extensions = [name: .boolean(true)] }.validate()
    }

    @Test(
        "no other name is taken, nor one of the specification",
        arguments: [
            "", "A", "traceParent", "a_b", "a-b", "a b", "ä", "a\u{0}", "id", "source", "type", "specversion",
            "subject",
            "time", "datacontenttype", "dataschema", "data", "data_base64",
            String(repeating: "x", count: Event.Limits.attributeNameBytes + 1),
        ])
    func badExtensionName(name: String) {
        let error = thrown(Event.plain { $0.extensions = [name: .boolean(true)] }.validate)
        #expect(error?.code == .invalidAttributeName)
    }

    @Test(
        "control characters and noncharacters are in no attribute",
        arguments: [
            0, 0x09, 0x0A, 0x1F, 0x7F, 0x80, 0x9F, 0xFDD0, 0xFDEF, 0xFFFE, 0xFFFF, 0x1_FFFF, 0x10_FFFE,
        ] as [UInt32])
    func controlCharacters(codePoint: UInt32) throws {
        let character = String(try #require(Unicode.Scalar(codePoint)))
        let value = "a\(character)b"
        let events = [
            Event.plain { $0.id = value }, Event.plain { $0.type = value }, Event.plain { $0.source = value },
            Event.plain { $0.subject = value }, Event.plain { $0.extensions = ["x": .string(value)] },
        ]
        for event in events {
            let error = thrown(event.validate)
            #expect(error?.code == .invalidAttribute)
            #expect(error?.message.contains("U+") == true)
            // What a message says must be fit for a log.
            #expect(error?.message.contains(character) == false)
        }
    }

    @Test(
        "characters next to the forbidden ones are allowed",
        arguments: [" ", "~", "\u{A0}", "\u{FDCF}", "\u{FDF0}", "\u{FFFD}", "\u{10FFFD}"])
    func allowedCharacters(character: String) throws {
        try Event.plain { $0.subject = character }.validate()
    }

    @Test("an attribute has a longest value, an event a greatest number of extensions")
    func limits() throws {
        let longest = String(repeating: "x", count: Event.Limits.attributeBytes)
        try Event.plain { $0.id = longest }.validate()
        for event in [
            Event.plain { $0.id = longest + "x" }, Event.plain { $0.source = longest + "x" },
            Event.plain { $0.subject = longest + "x" }, Event.plain { $0.dataSchema = "x:" + longest },
            Event.plain { $0.dataContentType = "a/" + longest },
            Event.plain { $0.extensions = ["x": .string(longest + "x")] },
        ] {
            #expect(thrown(event.validate)?.code == .tooLarge)
        }
        let names = (0...Event.Limits.extensions).map { "x\($0)" }
        var event = Event.plain
        for name in names.dropLast() { event.extensions[name] = .integer(0) }
        try event.validate()
        event.extensions[names[names.count - 1]] = .integer(0)
        #expect(thrown(event.validate)?.code == .tooMany)
    }

    @Test("an error's description says where")
    func description() {
        #expect(EventError(.malformedJSON, "no", byteOffset: 3, eventIndex: 2).description == "event 2: no (at byte 3)")
        #expect(EventError(.missingAttribute, "no").description == "no")
    }

    @Test("an attribute's value has a canonical string")
    func canonicalStrings() {
        #expect(AttributeValue.boolean(true).description == "true")
        #expect(AttributeValue.boolean(false).description == "false")
        #expect(AttributeValue.integer(-2_147_483_648).description == "-2147483648")
        #expect(AttributeValue.string("a b").description == "a b")
    }
}
