import CloudEvents
import Testing

@Suite("JSON event format: reading")
struct JSONEventFormatTests {
    @Test("the example of the specification is read")
    func specificationExample() throws {
        let event = try JSONEventFormat.decode(
            utf8(
                """
                {
                    "specversion" : "1.0",
                    "type" : "com.example.someevent",
                    "source" : "/mycontext",
                    "subject": null,
                    "id" : "C234-1234-1234",
                    "time" : "2018-04-05T17:31:00Z",
                    "comexampleextension1" : "value",
                    "comexampleothervalue" : 5,
                    "datacontenttype" : "application/vnd.apache.thrift.binary",
                    "data_base64" : "Zm9vYmFy"
                }
                """))
        #expect(
            event
                == Event(
                    id: "C234-1234-1234", source: "/mycontext", type: "com.example.someevent",
                    time: Timestamp(rfc3339: "2018-04-05T17:31:00Z"),
                    dataContentType: "application/vnd.apache.thrift.binary",
                    extensions: ["comexampleextension1": .string("value"), "comexampleothervalue": .integer(5)],
                    data: utf8("foobar")))
    }

    @Test(
        "data of any JSON type stays the bytes of its value",
        arguments: [
            "{}", #"{"b":1,"a":2}"#, #"{ "b" : 1.50,  "a": [ 1e2 , -0 ] }"#, "[1,\n\t2]", "12.500", "-0", "1E400",
            "true", "false", "null",
            #""text""#, #""caf\u00e9 \/""#, "\"é\"", #"{"a":1,"a":2}"#, "[[[]]]", "12345678901234567890123",
        ])
    func rawData(json: String) throws {
        for padding in ["", " ", " \r\n\t"] {
            for contentType in [
                "", ",\"datacontenttype\":\"application/json\"", ",\"datacontenttype\":\"Application/X+JSON; a=b\"",
            ] {
                let event = try JSONEventFormat.decode(structured("\"data\":\(padding)\(json)\(padding)\(contentType)"))
                #expect(text(event.data) == json)
            }
        }
    }

    @Test("a string of data that is not JSON is the text that it stands for, wherever the media type stands")
    func textData() throws {
        let members = [#""datacontenttype":"text/plain""#, #""data":"caf\u00e9 \"\uD83D\uDE00\"\n\/""#]
        for order in [members, members.reversed()] {
            let event = try JSONEventFormat.decode(structured(order.joined(separator: ",")))
            #expect(text(event.data) == "café \"😀\"\n/")
        }
        #expect(
            try JSONEventFormat.decode(structured(#""datacontenttype":"text/xml","data":"<a/>""#)).data == utf8("<a/>"))
        #expect(try JSONEventFormat.decode(structured(#""datacontenttype":"text/xml","data":"""#)).data == [])
    }

    @Test("data that is not JSON by its type but an object in fact stays its bytes")
    func objectOfOtherType() throws {
        let event = try JSONEventFormat.decode(structured(#""datacontenttype":"text/plain","data":{"a": 1}"#))
        #expect(text(event.data) == #"{"a": 1}"#)
    }

    @Test("data_base64 is decoded, escapes and all")
    func base64() throws {
        #expect(try JSONEventFormat.decode(structured(#""data_base64":"/+8=""#)).data == [0xFF, 0xEF])
        #expect(try JSONEventFormat.decode(structured(#""data_base64":"\/\u002b8=""#)).data == [0xFF, 0xEF])
        #expect(try JSONEventFormat.decode(structured(#""data_base64":"""#)).data == [])
        #expect(try JSONEventFormat.decode(structured(#""data_base64":null"#)).data == nil)
        #expect(try JSONEventFormat.decode(structured("")).data == nil)
    }

    @Test("names and times may be escaped")
    func escapedNames() throws {
        let event = try JSONEventFormat.decode(
            utf8(
                #"{"\u0073pecversion":"1\u002e0","\u0069d":"\u0031","source":"\/s","type":"t","time":"2026\u002d01-31T08:00:00Z","\u0061b":"c"}"#
            ))
        #expect(event.id == "1")
        #expect(event.source == "/s")
        #expect(event.time == Timestamp(rfc3339: "2026-01-31T08:00:00Z"))
        #expect(event.extensions == ["ab": .string("c")])
    }

    @Test("attributes that are null are absent")
    func nulls() throws {
        let event = try JSONEventFormat.decode(
            structured(#""subject":null,"time":null,"datacontenttype":null,"dataschema":null,"ext":null"#))
        #expect(event == .plain)
    }

    @Test(
        "an extension is a boolean, a whole number of 32 bits or a string",
        arguments: [
            ("true", .boolean(true)), ("false", .boolean(false)), ("0", .integer(0)), ("-0", .integer(0)),
            ("2147483647", .integer(.max)), ("-2147483648", .integer(.min)), (#""x""#, .string("x")),
            (#""""#, .string("")),
            (#""2147483648""#, .string("2147483648")),
        ] as [(String, AttributeValue)])
    func extensions(json: String, value: AttributeValue) throws {
        #expect(try JSONEventFormat.decode(structured("\"ext\":\(json)")).extensions == ["ext": value])
    }

    @Test(
        "no other value makes an extension, and the error names it",
        arguments: [
            "1.5", "1.0", "1e2", "2147483648", "-2147483649", "99999999999999999999", "{}", "[]", "[1]", #"{"a":1}"#,
        ])
    func badExtensions(json: String) {
        let bytes = structured("\"ext\":\(json)")
        let error = thrown { () throws(EventError) in try JSONEventFormat.decode(bytes) }
        #expect(error?.code == .invalidAttribute)
        #expect(error?.attribute == "ext")
        #expect(error?.byteOffset == bytes.count - 1 - json.utf8.count)
    }

    @Test(
        "a required member that is missing, null or empty is named", arguments: ["specversion", "id", "source", "type"])
    func requiredMembers(name: String) {
        let values = ["specversion": "1.0", "id": "1", "source": "/s", "type": "t"]
        func json(_ replacement: String?) -> [UInt8] {
            let members = values.sorted { $0.key < $1.key }.compactMap { member -> String? in
                guard member.key == name else { return "\"\(member.key)\":\"\(member.value)\"" }
                return replacement.map { "\"\(name)\":\($0)" }
            }
            return utf8("{" + members.joined(separator: ",") + "}")
        }
        let empty: EventError.Code = name == "specversion" ? .unsupportedSpecVersion : .missingAttribute
        for (replacement, code) in [
            (nil, .missingAttribute), ("null", .missingAttribute), ("\"\"", empty), ("1", .invalidAttribute),
        ]
            as [(String?, EventError.Code)]
        {
            let error = thrown { () throws(EventError) in try JSONEventFormat.decode(json(replacement)) }
            #expect(error?.code == code)
            #expect(error?.attribute == name)
        }
    }

    @Test(
        "what breaks a rule of the format is told by code and attribute",
        arguments: [
            (#""subject":5"#, .invalidAttribute, "subject"), (#""subject":"""#, .invalidAttribute, "subject"),
            (#""time":"yesterday""#, .invalidAttribute, "time"), (#""time":0"#, .invalidAttribute, "time"),
            (#""datacontenttype":"json""#, .invalidAttribute, "datacontenttype"),
            (#""datacontenttype":{}"#, .invalidAttribute, "datacontenttype"),
            (#""dataschema":"relative""#, .invalidAttribute, "dataschema"),
            (#""dataschema":true"#, .invalidAttribute, "dataschema"),
            (#""ext":"\u0000""#, .invalidAttribute, "ext"), (#""ext":"\ufffe""#, .invalidAttribute, "ext"),
            (#""Ext":1"#, .invalidAttributeName, "Ext"), (#""a_b":1"#, .invalidAttributeName, "a_b"),
            (#""":1"#, .invalidAttributeName, ""),
            (#""a_b":null"#, .invalidAttributeName, "a_b"),
            (#""data":1,"data_base64":"""#, .invalidData, "data_base64"),
            (#""data_base64":"","data":null"#, .invalidData, "data_base64"),
            (#""data_base64":"Zg""#, .invalidData, "data_base64"),
            (#""data_base64":1"#, .invalidData, "data_base64"),
            (#""data_base64":"\u0000AAA""#, .invalidData, "data_base64"),
        ] as [(String, EventError.Code, String)])
    func brokenRules(members: String, code: EventError.Code, attribute: String) {
        let error = thrown { () throws(EventError) in try JSONEventFormat.decode(structured(members)) }
        #expect(error?.code == code)
        #expect(error?.attribute == attribute)
        #expect(error?.eventIndex == nil)
    }

    @Test("another version is refused", arguments: ["0.3", "1", "1.0.2", "1.1", "2.0"])
    func versions(version: String) {
        let json = utf8(#"{"specversion":"\#(version)","id":"1","source":"/s","type":"t"}"#)
        let error = thrown { () throws(EventError) in try JSONEventFormat.decode(json) }
        #expect(error?.code == .unsupportedSpecVersion)
        #expect(error?.message.contains("1.0") == true)
    }

    @Test(
        "a member that stands twice is refused at its second place",
        arguments: [
            (#""id":"2""#, 0), (#""\u0069d":"2""#, 0), (#""a":1,"a":1"#, 6), (#""a":null,"a":1"#, 9),
            (#""a":1,"a":null"#, 6),
            (#""a":1,"\u0061":1"#, 6), (#""data":1,"data":1"#, 9), (#""subject":null,"subject":"s""#, 15),
            (#""data_base64":null,"data_base64":null"#, 19),
        ])
    func duplicates(members: String, offset: Int) {
        let error = thrown { () throws(EventError) in try JSONEventFormat.decode(structured(members)) }
        #expect(error?.code == .malformedJSON)
        #expect(error?.byteOffset == structured("").count + offset)
        #expect(error?.message.contains("twice") == true)
    }

    @Test("a text that is no object is no event", arguments: ["", "[]", "1", "null", "\"a\"", "[{}]", "true"])
    func notAnObject(json: String) {
        let error = thrown { () throws(EventError) in try JSONEventFormat.decode(utf8(json)) }
        #expect(error?.code == .malformedJSON)
        #expect(error?.byteOffset == 0)
    }

    @Test("malformed JSON is refused wherever it stands in an event", arguments: JSONTextTests.malformedTexts)
    func malformedValues(json: String, offset: Int) {
        for member in ["\"data\":", "\"ext\":", "\"subject\":"] {
            let error = thrown { () throws(EventError) in try JSONEventFormat.decode(structured(member + json)) }
            #expect(error != nil)
        }
    }

    @Test("nothing follows an event", arguments: ["x", ",", "{}", "\u{0}", "]"])
    func trailing(text: String) {
        let error = thrown { () throws(EventError) in try JSONEventFormat.decode(structured("") + utf8(text)) }
        #expect(error?.code == .malformedJSON)
        #expect(error?.byteOffset == structured("").count)
    }

    @Test("an event with more extensions than allowed is refused, null ones counted")
    func tooManyExtensions() throws {
        let members = (0..<Event.Limits.extensions).map { "\"x\($0)\":\($0 % 2 == 0 ? "null" : "1")" }.joined(
            separator: ",")
        #expect(try JSONEventFormat.decode(structured(members)).extensions.count == Event.Limits.extensions / 2)
        let error = thrown { () throws(EventError) in try JSONEventFormat.decode(structured(members + ",\"y\":null")) }
        #expect(error?.code == .tooMany)
    }
}
