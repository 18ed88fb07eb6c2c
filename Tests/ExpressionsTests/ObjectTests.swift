import Expressions
import Testing

@Suite("Objects of the host, and JSON")
struct ObjectTests {
    private static let json =
        #"{"total": 142, "price": 9.50, "big": 18446744073709551615, "huge": 1e400, "none": null, "items": [{"sku": "a\u00e9\n"}, {"sku": "b"}], "twice": 1, "twice": 2, "deep": {"er": {"est": [1, [2]]}}}"#

    @Test(
        "fields are read from the object, and members from its JSON",
        arguments: [
            Case("event.type", "\"order.created\""), Case("event['type']", "\"order.created\""),
            Case("event.data.total", "142"), Case("type(event.data.total)", "int"),
            Case("type(event.data.price)", "double"), Case("event.data.big", "18446744073709551615u"),
            Case("event.data.huge", "double(\"Infinity\")"),
            Case("event.data.none == null", "true"), Case("event.data.items[1].sku", "\"b\""),
            Case("event.data.items[0].sku == 'aé\\n'", "true"), Case("event.data.items.size()", "2"),
            Case("event.data.items.map(i, i.sku.size())", "[3, 1]"), Case("event.data.twice", "2"),
            Case("event.data.deep.er.est[1][0]", "2"), Case("event.data['deep'].er.est", "[1, [2]]"),
            Case("has(event.subject)", "false"), Case("has(event.type)", "true"),
            Case("has(event.data.nothing)", "false"), Case("has(event.data.deep.er)", "true"),
            Case("'total' in event.data", "true"), Case("'id' in event", "true"),
            Case("event.subject", "noSuchField: event has no field \"subject\""),
            Case("event.data.nothing", "noSuchField: event.data has no field \"nothing\""),
            Case("event.data.total.more", "noMatchingOverload: a int has no field \"more\""),
            Case("event.?subject.orValue('x')", "\"x\""), Case("event.data.?nothing.orValue(1)", "1"),
            Case("event.data.deep == {'er': {'est': [1, [2]]}}", "true"),
            Case("event.data.total > 100 && event.type == 'order.created'", "true"),
            Case("event.data.deep.er.est.all(x, true)", "true"), Case("[1].all(event, event == 1)", "true"),
        ])
    func fields(_ example: Case) {
        #expect(Order.outcome(example.expression, Order("order.created", Self.json)) == example.expected)
    }

    @Test("an open object has fields that are not declared")
    func open() {
        #expect(Order.outcome("event.region", Order("t", "1", isOpen: true)) == "\"eu\"")
        #expect(
            Order.outcome("event.other", Order("t", "1", isOpen: true)) == "noSuchField: event has no field \"other\"")
        #expect(Order.outcome("event.data", Order("t", "{", isOpen: true)).hasPrefix("host: "))
    }

    @Test(
        "a text that is no JSON is refused, with its place",
        arguments: [
            ("", 0), ("{", 1), ("[1,]", 3), ("{\"a\":1,}", 7), ("{a:1}", 1), ("[1 2]", 3), ("01", 1), ("1.", 2),
            ("1e", 2), ("-", 1), ("+1", 0), ("\"\u{01}\"", 1), ("\"\\x\"", 1), ("\"\\ud800\"", 1), ("\"\\udc00\"", 1),
            ("tru", 0), ("nul", 0), ("1 2", 2), ("\"a", 2), ("]", 0), ("{\"a\" 1}", 5), ("{\"a\":}", 5), ("[", 1),
            ("\"abcdefgh\\u12\"", 9), ("\u{FEFF}1", 0),
        ])
    func malformed(_ text: String, _ offset: Int) {
        #expect(throws: JSONDocument.SyntaxError.self) { try JSONDocument(Array(text.utf8)) }
        do { _ = try JSONDocument(Array(text.utf8)) } catch { #expect(error.offset == offset, "\(error)") }
    }

    @Test("bytes that are no UTF-8 and nesting that is too deep are refused; the deepest that is not is taken")
    func limits() throws {
        for bytes: [UInt8] in [[0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82]] {
            #expect(throws: JSONDocument.SyntaxError.self) { try JSONDocument([0x22] + bytes + [0x22]) }
        }
        let open = Array(repeating: UInt8(ascii: "["), count: 128)
        let close = Array(repeating: UInt8(ascii: "]"), count: 128)
        _ = try JSONDocument(open + close)
        for text in [open, open + [0x31], [UInt8(ascii: "[")] + open + close] {
            #expect(throws: JSONDocument.SyntaxError.self) { try JSONDocument(text) }
        }
    }

    @Test(
        "values are written as JSON",
        arguments: [
            ("[1, 2u, 1.5, 2.0, true, null, 'a\"\\n']", #"[1,2,1.5,2.0,true,null,"a\"\n"]"#),
            ("{'a': {1: [b'hi']}}", #"{"a":{"1":["aGk="]}}"#), ("timestamp(0)", #""1970-01-01T00:00:00Z""#),
            ("duration('1500ms')", #""1.500s""#),
            ("1.0 / 0.0", #""Infinity""#), ("optional.of([1])", "[1]"), ("optional.none()", "null"), ("int", #""int""#),
            ("'\\u0001é'", #""\u0001é""#),
        ])
    func writing(_ expression: String, _ json: String) throws {
        #expect(String(decoding: try CELExpression(expression).evaluate([]).json(), as: UTF8.self) == json)
    }

    @Test("what is read is written again")
    func roundTrip() throws {
        let text = #"{"a":[1,-2.5,"x\\y",{"b":null,"c":true}],"d":{},"e":[],"f":-9223372036854775808}"#
        #expect(String(decoding: try Value(json: Array(text.utf8)).json(), as: UTF8.self) == text)
    }
}
