import CloudEvents
import HTTPTypes
import Testing

@Suite("HTTP binding")
struct HTTPBindingTests {
    /// Fields in the order given, so that one name may stand twice.
    static func fields(_ values: [(String, String)]) throws -> HTTPFields {
        var fields = HTTPFields()
        for (name, value) in values {
            fields.append(HTTPField(name: try #require(HTTPField.Name(name)), value: value))
        }
        return fields
    }

    static let required = [
        ("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-source", "/tests"), ("ce-type", "tests.plain"),
    ]

    @Test("the specification's example of binary mode is read, whatever the case of the names")
    func binary() throws {
        let values = [
            ("ce-specversion", "1.0"), ("ce-type", "com.example.someevent"), ("ce-time", "2018-04-05T03:56:24Z"),
            ("ce-id", "1234-1234-1234"), ("ce-source", "/mycontext/subcontext"), ("ce-comexampleextension1", "5"),
            ("content-type", "application/json; charset=utf-8"), ("host", "webhook.example.com"),
        ]
        for spelling in [
            values, values.map { ($0.0.uppercased(), $0.1) },
            values.map { ("\($0.0.prefix(1).uppercased())\($0.0.dropFirst())", $0.1) },
        ] {
            let fields = try Self.fields(spelling)
            #expect(HTTPBinding.isCloudEvent(fields))
            let decoded = try HTTPBinding.decode(fields, body: utf8("{ \"a\": 1 }"))
            #expect(decoded.mode == .binary)
            #expect(
                decoded.events == [
                    Event(
                        id: "1234-1234-1234", source: "/mycontext/subcontext", type: "com.example.someevent",
                        time: Timestamp(rfc3339: "2018-04-05T03:56:24Z"),
                        dataContentType: "application/json; charset=utf-8",
                        extensions: ["comexampleextension1": .string("5")], data: utf8("{ \"a\": 1 }"))
                ])
        }
    }

    @Test("the body is the data, and absent only without a content type")
    func body() throws {
        #expect(try HTTPBinding.decode(Self.fields(Self.required), body: []).events == [.plain])
        #expect(try HTTPBinding.decode(Self.fields(Self.required), body: [0xFF]).events.first?.data == [0xFF])
        let typed = try Self.fields(Self.required + [("content-type", "text/plain")])
        #expect(try HTTPBinding.decode(typed, body: []).events.first?.data == [])
    }

    @Test("an event in binary mode comes back, its extensions as strings", arguments: 0..<8)
    func binaryRoundTrip(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<100 {
            let event = RandomEvent.make(&generator)
            var expected = event
            expected.extensions = event.extensions.mapValues { .string($0.description) }
            if let data = event.data, event.dataContentType == nil, JSONText.isValid(data) {
                expected.dataContentType = "application/json"
            }
            if event.data == nil, event.dataContentType != nil { expected.data = [] }
            if event.data == [], expected.dataContentType == nil { expected.data = nil }
            let (fields, body) = HTTPBinding.encodeBinary(event)
            for field in fields { #expect(field.value.utf8.allSatisfy { (0x20...0x7E).contains($0) }) }
            #expect(try HTTPBinding.decode(fields, body: body).events == [expected])
        }
    }

    @Test("events in structured and batched mode come back")
    func structuredRoundTrip() throws {
        let event = Event.plain {
            $0.extensions = ["a": .integer(1), "b": .boolean(true)]
            $0.data = utf8("[1, 2]")
        }
        let one = HTTPBinding.encodeStructured(event)
        #expect(one.fields[.contentType] == "application/cloudevents+json; charset=utf-8")
        let readOne = try HTTPBinding.decode(one.fields, body: one.body)
        #expect(readOne.mode == .structured)
        #expect(readOne.events == [event])
        let many = HTTPBinding.encodeBatch([event, .plain])
        #expect(many.fields[.contentType] == "application/cloudevents-batch+json; charset=utf-8")
        let readMany = try HTTPBinding.decode(many.fields, body: many.body)
        #expect(readMany.mode == .batched)
        #expect(readMany.events == [event, .plain])
        let error = thrown { () throws(EventError) in
            try HTTPBinding.decode(many.fields, body: many.body, maximumBatchCount: 1)
        }
        #expect(error?.code == .tooMany)
    }

    @Test(
        "structured mode is told by the content type, whatever its case and parameters",
        arguments: [
            "application/cloudevents+json", "Application/CloudEvents+JSON;charset=UTF-8",
            "application/cloudevents+json; charset=\"utf-8\"; x=y",
            " application/cloudevents+json",
        ])
    func contentTypes(contentType: String) throws {
        let fields = try Self.fields([("content-type", contentType)])
        #expect(HTTPBinding.isCloudEvent(fields))
        #expect(try HTTPBinding.decode(fields, body: structured("")).mode == .structured)
    }

    @Test("in structured mode the body alone counts")
    func structuredIgnoresHeaders() throws {
        let fields = try Self.fields([
            ("content-type", "application/cloudevents+json"), ("ce-id", "other"), ("ce-specversion", "9"),
        ])
        #expect(try HTTPBinding.decode(fields, body: structured("")).events == [.plain])
    }

    @Test(
        "formats and charsets that are not supported are refused, with those that are",
        arguments: [
            ("application/cloudevents+xml", .unsupportedContentType),
            ("application/cloudevents", .unsupportedContentType),
            ("application/cloudevents-batch+avro", .unsupportedContentType),
            ("application/cloudevents+json; charset=iso-8859-1", .unsupportedContentType),
            ("application/cloudevents-batch+json; charset=utf-16", .unsupportedContentType),
            ("application/cloudevents+json; charset", .malformedHeader),
            ("application/cloudevents+json, text/plain", .malformedHeader),
        ] as [(String, EventError.Code)])
    func unsupported(contentType: String, code: EventError.Code) throws {
        let fields = try Self.fields([("content-type", contentType)])
        #expect(HTTPBinding.isCloudEvent(fields))
        let error = thrown { () throws(EventError) in try HTTPBinding.decode(fields, body: structured("")) }
        #expect(error?.code == code)
        #expect(error?.message.contains("expected") == true)
    }

    @Test(
        "a message without an event is refused",
        arguments: [[], [("content-type", "application/json")], [("ce-id", "1")]])
    func noEvent(values: [(String, String)]) throws {
        let fields = try Self.fields(values)
        #expect(!HTTPBinding.isCloudEvent(fields))
        let error = thrown { () throws(EventError) in try HTTPBinding.decode(fields, body: utf8("{}")) }
        #expect(error?.code == .unsupportedContentType)
        #expect(error?.message.contains(JSONEventFormat.contentType) == true)
    }

    @Test("a required header that is missing is named", arguments: ["ce-id", "ce-source", "ce-type"])
    func missing(name: String) throws {
        let fields = try Self.fields(Self.required.filter { $0.0 != name })
        let error = thrown { () throws(EventError) in try HTTPBinding.decode(fields, body: []) }
        #expect(error?.code == .missingAttribute)
        #expect(error?.attribute == String(name.dropFirst(3)))
    }

    @Test(
        "headers that break a rule are refused",
        arguments: [
            ("ce-id", "2", .malformedHeader, "id"), ("CE-ID", "1", .malformedHeader, "id"),
            ("ce-datacontenttype", "text/plain", .malformedHeader, "datacontenttype"),
            ("ce-data", "1", .invalidAttributeName, "data"),
            ("ce-a-b", "1", .invalidAttributeName, "a-b"), ("ce-a_b", "1", .invalidAttributeName, "a_b"),
            ("ce-", "1", .invalidAttributeName, ""),
            ("ce-time", "now", .invalidAttribute, "time"), ("ce-subject", "", .invalidAttribute, "subject"),
            ("ce-dataschema", "x", .invalidAttribute, "dataschema"), ("ce-x", "%FF", .malformedHeader, "x"),
            ("ce-x", "%ED%A0%80", .malformedHeader, "x"), ("ce-x", "%C0%80", .malformedHeader, "x"),
            ("ce-x", "\"a", .malformedHeader, "x"),
            ("ce-x", "\"", .malformedHeader, "x"), ("ce-x", "\"a\"b", .malformedHeader, "x"),
            ("ce-x", "\"a\\\"", .malformedHeader, "x"),
            ("ce-x", "%00", .invalidAttribute, "x"), ("content-type", "json", .invalidAttribute, "datacontenttype"),
        ] as [(String, String, EventError.Code, String)])
    func refused(name: String, value: String, code: EventError.Code, attribute: String) throws {
        let fields = try Self.fields(Self.required + [(name, value)])
        let error = thrown { () throws(EventError) in try HTTPBinding.decode(fields, body: []) }
        #expect(error?.code == code)
        #expect(error?.attribute == attribute)
    }

    @Test("another version is refused")
    func version() throws {
        let fields = try Self.fields([("ce-specversion", "0.3")] + Self.required.dropFirst())
        #expect(
            thrown { () throws(EventError) in try HTTPBinding.decode(fields, body: []) }?.code
                == .unsupportedSpecVersion)
    }

    @Test(
        "a header's value is percent-encoded as the specification's section 3.1.3.2 has it",
        arguments: [
            ("Euro € 😀", "Euro%20%E2%82%AC%20%F0%9F%98%80"), ("a\"b", "a%22b"), ("100%", "100%25"), ("%20", "%2520"),
            ("a!#$&'()*+,/:;=?@[]~b", "a!#$&'()*+,/:;=?@[]~b"), ("\u{A0}", "%C2%A0"), ("é", "%C3%A9"), ("a\\b", "a\\b"),
            (" ", "%20"),
        ])
    func encoding(value: String, header: String) throws {
        let (fields, _) = HTTPBinding.encodeBinary(.plain { $0.subject = value })
        let name = try #require(HTTPField.Name("ce-subject"))
        #expect(fields[name] == header)
        #expect(try HTTPBinding.decode(fields, body: []).events.first?.subject == value)
    }

    @Test(
        "a header's value may be quoted, be encoded more than needed, or hold UTF-8 as it is",
        arguments: [
            ("\"a b\"", "a b"), (#""a\"b\\c""#, #"a"b\c"#), ("\"%41 \\%42\"", "A B"), ("%41%62%63", "Abc"),
            ("%e2%82%ac", "€"), ("€", "€"),
            ("a b", "a b"), ("%2520", "%20"), ("50%", "50%"), ("%zz%4", "%zz%4"), ("a\"b\"", "a\"b\""),
            ("%22a%22", "\"a\""),
        ])
    func decoding(header: String, value: String) throws {
        let fields = try Self.fields(Self.required + [("ce-x", header)])
        #expect(try HTTPBinding.decode(fields, body: []).events.first?.extensions == ["x": .string(value)])
    }

    @Test("a header of bytes that are not UTF-8 is refused")
    func rawBytes() throws {
        var fields = try Self.fields(Self.required)
        fields.append(HTTPField(name: try #require(HTTPField.Name("ce-x")), value: [0x61, 0xE9] as [UInt8]))
        #expect(thrown { () throws(EventError) in try HTTPBinding.decode(fields, body: []) }?.code == .malformedHeader)
    }

    @Test("data without a media type is called JSON only where it is")
    func impliedContentType() {
        #expect(HTTPBinding.encodeBinary(.plain { $0.data = utf8("{}") }).fields[.contentType] == "application/json")
        #expect(HTTPBinding.encodeBinary(.plain { $0.data = [0xFF] }).fields[.contentType] == nil)
        #expect(HTTPBinding.encodeBinary(.plain).fields[.contentType] == nil)
    }
}
