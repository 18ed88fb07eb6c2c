import CloudEvents
import Testing

@Suite("Media types")
struct MediaTypeTests {
    @Test(
        "JSON is told by subtype and suffix, whatever the case and the parameters",
        arguments: [
            "application/json", "text/json", "APPLICATION/JSON", "application/vnd.x+json; v=1",
            "application/problem+JSON",
        ])
    func json(text: String) {
        #expect(JSONText.isJSONContentType(text))
    }

    @Test(
        "other types are not JSON",
        arguments: ["text/plain", "application/jsonl", "application/json-seq", "json", "a/b+json+xml", ""])
    func notJSON(text: String) {
        #expect(!JSONText.isJSONContentType(text))
    }

    @Test("no type says nothing, and so not JSON")
    func absent() {
        #expect(!JSONText.isJSONContentType(nil))
    }

    @Test("type and charset are in lower case, quotes and escapes undone")
    func parts() throws {
        let type = try #require(MediaType(" Text/Plain ; a=b;CHARSET=\"UT\\F-8\" "))
        #expect(type.essence == "text/plain")
        #expect(type.charset == "utf-8")
        #expect(type.isText)
        #expect(!type.isJSON)
        #expect(MediaType("text/plain; charset=iso-8859-1")?.isText == false)
        #expect(MediaType("application/xml")?.isText == false)
    }
}
