import CloudEvents
import Testing

@Suite("JSON event format: writing and batches")
struct JSONRoundTripTests {
    @Test("attributes are written in a fixed order, extensions by name")
    func order() {
        let event = Event(
            id: "1", source: "/s", type: "t", subject: "a\"b", time: Timestamp(microsecondsSince1970: 0),
            dataContentType: "application/json", dataSchema: "urn:s",
            extensions: ["b": .integer(-1), "a": .boolean(true), "c": .string("\n")], data: utf8(#"{ "x": 1.0 }"#))
        #expect(
            text(JSONEventFormat.encode(event))
                == #"{"specversion":"1.0","id":"1","source":"/s","type":"t","subject":"a\"b","time":"1970-01-01T00:00:00Z","datacontenttype":"application/json","dataschema":"urn:s","a":true,"b":-1,"c":"\n","data":{ "x": 1.0 }}"#
        )
    }

    @Test(
        "data is written as its media type and its bytes allow",
        arguments: [
            (nil, "{\"a\": 1}", #""data":{"a": 1}"#), (nil, "\"x\"", #""data":"x""#),
            (nil, "not JSON", #""data_base64":"bm90IEpTT04=""#),
            (nil, "", #""data_base64":"""#), (nil, "1 ", #""data":1 "#),
            ("application/json", "[1,\n2]", "\"data\":[1,\n2]"), ("application/json", "[1,", #""data_base64":"WzEs""#),
            ("a/b+json", "null", #""data":null"#), ("text/plain", "a\"b", #""data":"a\"b""#),
            ("text/plain", "{}", #""data":"{}""#),
            ("text/plain", "", #""data":"""#), ("text/plain; charset=iso-8859-1", "a", #""data_base64":"YQ==""#),
            ("application/octet-stream", "a", #""data_base64":"YQ==""#), ("no type", "1", #""data_base64":"MQ==""#),
        ] as [(String?, String, String)])
    func dataMember(contentType: String?, data: String, expected: String) {
        let event = Event.plain {
            $0.dataContentType = contentType
            $0.data = utf8(data)
        }
        #expect(text(JSONEventFormat.encode(event))?.hasSuffix(",\(expected)}") == true)
    }

    @Test("text that is not UTF-8 goes into data_base64")
    func invalidText() throws {
        let event = Event.plain {
            $0.dataContentType = "text/plain"
            $0.data = [0x61, 0xFF]
        }
        let json = JSONEventFormat.encode(event)
        #expect(text(json)?.hasSuffix(#""data_base64":"Yf8="}"#) == true)
        #expect(try JSONEventFormat.decode(json) == event)
    }

    @Test("an event that is written is read back the same", arguments: 0..<8)
    func roundTrip(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var events: [Event] = []
        for _ in 0..<100 {
            let event = RandomEvent.make(&generator)
            try event.validate()
            var expected = event
            // White space around a JSON text is no part of the value.
            if let data = event.data, JSONText.isValid(data),
                event.dataContentType.map(JSONText.isJSONContentType) ?? true
            {
                expected.data = RandomEvent.trimmed(data)
            }
            #expect(try JSONEventFormat.decode(JSONEventFormat.encode(event)) == expected)
            events.append(expected)
        }
        #expect(try JSONEventFormat.decodeBatch(JSONEventFormat.encodeBatch(events)) == events)
    }

    @Test("a batch may be empty, and white space may stand anywhere", arguments: ["[]", " [ \n] "])
    func emptyBatch(json: String) throws {
        #expect(try JSONEventFormat.decodeBatch(utf8(json)).isEmpty)
        #expect(text(JSONEventFormat.encodeBatch([])) == "[]")
    }

    @Test("a batch's events keep their order")
    func batch() throws {
        let events = (0..<3).map { index in Event.plain { $0.id = "\(index)" } }
        let json = JSONEventFormat.encodeBatch(events)
        #expect(try JSONEventFormat.decodeBatch(json) == events)
        #expect(try JSONEventFormat.decodeBatch(json, maximumCount: 3) == events)
        let error = thrown { () throws(EventError) in try JSONEventFormat.decodeBatch(json, maximumCount: 2) }
        #expect(error?.code == .tooMany)
        #expect(error?.eventIndex == nil)
    }

    @Test("an error in a batch says which event it is in")
    func batchError() {
        let json = utf8("[") + structured("") + utf8(",") + structured("\"a_b\":1") + utf8("]")
        let error = thrown { () throws(EventError) in try JSONEventFormat.decodeBatch(json) }
        #expect(error?.eventIndex == 1)
        #expect(error?.attribute == "a_b")
        #expect(error?.description.hasPrefix("event 1: ") == true)
    }

    @Test(
        "what is no array of events is no batch",
        arguments: ["", "{}", "[", "[1]", "[null]", "[[]]", "[]]", "[,]", "null", "[] []"])
    func malformedBatch(json: String) {
        let error = thrown { () throws(EventError) in try JSONEventFormat.decodeBatch(utf8(json)) }
        #expect(error?.code == .malformedJSON)
    }

    @Test("an event's comma in a batch must be followed by an event")
    func trailingComma() {
        let json = utf8("[") + structured("") + utf8(",]")
        #expect(thrown { () throws(EventError) in try JSONEventFormat.decodeBatch(json) }?.code == .malformedJSON)
    }
}
