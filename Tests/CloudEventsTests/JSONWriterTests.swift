import CloudEvents
import Testing

@Suite("JSON writer")
struct JSONWriterTests {
    @Test("commas and colons come by themselves")
    func structure() {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("string", "a")
        writer.member("noString", nil as String?)
        writer.member("integer", 1)
        writer.member("noInteger", nil as Int64?)
        writer.member("byte", UInt8.max)
        writer.member("bool", true)
        writer.member("noBool", nil as Bool?)
        writer.member("time", Timestamp(microsecondsSince1970: 0))
        writer.member("noTime", nil as Timestamp?)
        writer.key("array")
        writer.beginArray()
        writer.integer(UInt64.max)
        writer.double(1.5)
        writer.null()
        writer.bool(false)
        writer.beginObject()
        writer.endObject()
        writer.beginArray()
        writer.endArray()
        writer.raw(utf8("{\"a\": 1}"))
        writer.raw("[2]".utf8)
        writer.endArray()
        writer.key("last")
        writer.string("z")
        writer.endObject()
        #expect(
            text(writer.bytes)
                == #"{"string":"a","integer":1,"byte":255,"bool":true,"time":"1970-01-01T00:00:00Z","array":[18446744073709551615,1.5,null,false,{},[],{"a": 1},[2]],"last":"z"}"#
        )
    }

    @Test(
        "strings are escaped as far as JSON asks and no further",
        arguments: [
            ("", #""""#), ("a\"b\\c/", #""a\"b\\c/""#), ("\u{8}\t\n\u{C}\r", #""\b\t\n\f\r""#),
            ("\u{0}\u{1}\u{1F}\u{7F}", "\"\\u0000\\u0001\\u001f\u{7F}\""),
            ("größe €😀", "\"größe €😀\""), ("0123456789\"", #""0123456789\"""#), ("é\n", "\"é\\n\""),
            ("\u{2028}", "\"\u{2028}\""),
        ])
    func strings(value: String, expected: String) {
        var writer = JSONWriter()
        writer.string(value)
        #expect(text(writer.bytes) == expected)
    }

    @Test(
        "numbers are written so that JSON can read them",
        arguments: [
            (0.0, "0"), (-1.0, "-1"), (0.1, "0.1"), (1e15, "1000000000000000.0"), (1e16, "1e+16"),
            (123_456_789_012_345, "123456789012345"),
            (1e300, "1e+300"),
            (Double.leastNonzeroMagnitude, "5e-324"), (.infinity, "null"), (-.infinity, "null"), (.nan, "null"),
        ])
    func doubles(value: Double, expected: String) {
        var writer = JSONWriter()
        writer.double(value)
        #expect(text(writer.bytes) == expected)
        #expect(JSONText.isValid(writer.bytes))
    }

    @Test("any string makes a valid text and is read back", arguments: 0..<4)
    func anyString(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            var value = ""
            for _ in 0..<Int.random(in: 0..<30, using: &generator) {
                let limit: UInt32 = [0x80, 0x80, 0x800, 0x11_0000].randomElement(using: &generator) ?? 0x80
                if let scalar = Unicode.Scalar(UInt32.random(in: 0..<limit, using: &generator)) {
                    value.unicodeScalars.append(scalar)
                }
            }
            var writer = JSONWriter()
            writer.string(value)
            #expect(JSONText.isValid(writer.bytes))
            let event = try JSONEventFormat.decode(
                structured(
                    "\"datacontenttype\":\"text/plain\",\"data\":" + String(decoding: writer.bytes, as: UTF8.self)))
            #expect(event.data == utf8(value))
        }
    }
}
