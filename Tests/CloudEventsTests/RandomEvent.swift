import CloudEvents

/// Events that keep all rules, of every shape, from a seeded generator.
enum RandomEvent {
    static func make(_ generator: inout SeededGenerator) -> Event {
        var event = Event(
            id: text(&generator), source: pick(["/s", "urn:a:b", "https://h/p?q#f", "a%20b"], &generator),
            type: text(&generator))
        if Bool.random(using: &generator) { event.subject = text(&generator) }
        if Bool.random(using: &generator) {
            let range = Timestamp.distantPast.microsecondsSince1970...Timestamp.distantFuture.microsecondsSince1970
            event.time = Timestamp(microsecondsSince1970: Int64.random(in: range, using: &generator))
        }
        if Bool.random(using: &generator) { event.dataSchema = "https://example.com/schema" }
        for index in 0..<Int.random(in: 0..<4, using: &generator) {
            event.extensions["ext\(index)"] = pick(
                [
                    .boolean(true), .integer(Int32.random(in: .min ... .max, using: &generator)),
                    .string(text(&generator)),
                ],
                &generator)
        }
        event.dataContentType = pick(
            [nil, "application/json", "text/plain", "application/octet-stream", "a/b+json; c=d"], &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: break
        case 1:
            event.data = utf8(pick(["{}", " [1, 2.50]\n", "null", "\"é\\n\"", "12", #"{"a":{"b":[]}}"#], &generator))
        case 2: event.data = utf8(text(&generator))
        default: event.data = (0..<20).map { _ in UInt8.random(in: 0...255, using: &generator) }
        }
        return event
    }

    static func trimmed(_ json: [UInt8]) -> [UInt8] {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
        return Array(Array(json.drop(while: isSpace)).reversed().drop(while: isSpace).reversed())
    }

    private static func text(_ generator: inout SeededGenerator) -> String {
        let characters = Array("abcXYZ019 \"\\%/<>{}é€😀\u{A0}")
        return String((0..<Int.random(in: 1..<20, using: &generator)).map { _ in pick(characters, &generator) })
    }

    private static func pick<Value>(_ values: [Value], _ generator: inout SeededGenerator) -> Value {
        values[Int.random(in: 0..<values.count, using: &generator)]
    }
}
