import CloudEvents
import HTTPTypes
import Testing

@Suite("Random input")
struct FuzzTests {
    private static let tokens: [[UInt8]] = [
        "\"", "\\", "\\u", "\\uD83D", "\\uDE00", "{", "}", "[", "]", ",", ":", "null", "true", "-", "0", "1e", ".",
        "\"data\":", "\"id\":",
        "\"data_base64\":", "\"datacontenttype\":\"text/plain\"", "\u{FEFF}", "é", "😀", " ", "\n", "%", "\"1.0\"",
    ].map { Array($0.utf8) }

    /// One to four changes: bytes flipped, replaced, removed, doubled, swapped, and tokens put in.
    private func mutated(_ bytes: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
            let at = Int.random(in: 0..<bytes.count, using: &generator)
            let end = min(bytes.count, at + Int.random(in: 1...8, using: &generator))
            switch Int.random(in: 0..<7, using: &generator) {
            case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: bytes[at] = UInt8.random(in: 0...255, using: &generator)
            case 2: bytes.removeSubrange(at..<end)
            case 3: bytes.insert(contentsOf: bytes[at..<end], at: at)
            case 4: bytes.removeSubrange(at...)
            case 5: bytes.swapAt(at, Int.random(in: 0..<bytes.count, using: &generator))
            default: bytes.insert(contentsOf: Self.tokens.randomElement(using: &generator) ?? [], at: at)
            }
        }
        return bytes
    }

    @Test("a changed document is refused with a place inside it, or is an event that keeps the rules", arguments: 0..<8)
    func structured(seed: UInt64) throws {
        var generator = SeededGenerator(seed: 0xCE00 + seed)
        var accepted = 0
        for _ in 0..<2_000 {
            let json = mutated(JSONEventFormat.encode(RandomEvent.make(&generator)), &generator)
            do throws(EventError) {
                let event = try JSONEventFormat.decode(json)
                accepted += 1
                #expect(thrown(event.validate) == nil)
                #expect(JSONText.isValid(json))
                // What was read is written and read again without a change.
                let again = thrown { () throws(EventError) in
                    guard try JSONEventFormat.decode(JSONEventFormat.encode(event)) == event else {
                        throw EventError(.invalidData, "the event has changed")
                    }
                }
                #expect(again == nil, "\(String(decoding: json, as: UTF8.self))")
            } catch {
                #expect((0...json.count).contains(error.byteOffset ?? 0))
            }
            _ = JSONText.indented(json)
        }
        // Enough survive that both ways are tried.
        #expect(accepted > 50)
    }

    @Test("a changed batch is refused with the event's index, or all of its events keep the rules", arguments: 0..<4)
    func batches(seed: UInt64) throws {
        var generator = SeededGenerator(seed: 0xBA00 + seed)
        for _ in 0..<500 {
            let events = (0..<3).map { _ in RandomEvent.make(&generator) }
            let json = mutated(JSONEventFormat.encodeBatch(events), &generator)
            do throws(EventError) {
                for event in try JSONEventFormat.decodeBatch(json) { #expect(thrown(event.validate) == nil) }
            } catch {
                #expect((0...3).contains(error.eventIndex ?? 0))
            }
        }
    }

    @Test("random bytes are no JSON that the scanner would fall over", arguments: 0..<4)
    func noise(seed: UInt64) {
        var generator = SeededGenerator(seed: 0x1000 + seed)
        for _ in 0..<2_000 {
            let pieces = (0..<Int.random(in: 0..<12, using: &generator)).flatMap { _ in
                Self.tokens.randomElement(using: &generator) ?? []
            }
            let bytes = Bool.random(using: &generator) ? pieces : mutated(pieces, &generator)
            #expect(
                JSONText.isValid(bytes) == (thrown { () throws(EventError) in try JSONText.validate(bytes) } == nil))
            _ = thrown { () throws(EventError) in try JSONEventFormat.decode(bytes) }
        }
    }

    @Test("changed headers are refused, or make an event that keeps the rules", arguments: 0..<4)
    func headers(seed: UInt64) {
        var generator = SeededGenerator(seed: 0x4774 + seed)
        for _ in 0..<1_000 {
            var (fields, body) = HTTPBinding.encodeBinary(RandomEvent.make(&generator))
            for index in fields.indices where Int.random(in: 0..<4, using: &generator) == 0 {
                let value = fields[index].withUnsafeBytesOfValue { Array($0) }
                fields[index] = HTTPField(name: fields[index].name, value: mutated(value, &generator))
            }
            body = mutated(body, &generator)
            do throws(EventError) {
                let decoded = try HTTPBinding.decode(fields, body: body)
                for event in decoded.events { #expect(thrown(event.validate) == nil) }
            } catch {
                #expect(!error.message.isEmpty)
            }
        }
    }
}
