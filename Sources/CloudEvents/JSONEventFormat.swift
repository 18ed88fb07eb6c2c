/// The JSON Event Format for CloudEvents 1.0.2.
///
/// A `data` member's value is taken as the bytes that stand in the text: nothing is decoded and encoded again.
public enum JSONEventFormat {
    /// The media type of one event.
    public static let contentType = "application/cloudevents+json"
    /// The media type of a batch of events.
    public static let batchContentType = "application/cloudevents-batch+json"

    /// Reads one event.
    ///
    /// `data` of any JSON type stays the bytes of its JSON value, white space and number formatting included; only a
    /// JSON string of an event whose data is not JSON becomes the text that it stands for. `data_base64` is decoded.
    /// Attributes that are `null` are absent.
    /// - Throws: ``EventError``, mostly with the byte at which the text is wrong; also where the event breaks the rules
    ///   of ``Event/validate()``.
    public static func decode(_ bytes: [UInt8]) throws(EventError) -> Event {
        try JSONText.withScanner(bytes) { scanner throws(EventError) in
            let event = try JSONEventReader.event(&scanner)
            try scanner.expectEnd()
            return event
        }
    }

    /// Reads a batch: an array of events, which may be empty.
    /// - Throws: ``EventError``, with the index of the event that is to blame; `tooMany` above `maximumCount` events.
    public static func decodeBatch(_ bytes: [UInt8], maximumCount: Int = 10_000) throws(EventError) -> [Event] {
        try JSONText.withScanner(bytes) { scanner throws(EventError) in
            try scanner.expect("[", "'[', the beginning of a batch")
            var events: [Event] = []
            if !scanner.skip("]") {
                repeat {
                    guard events.count < maximumCount else {
                        throw EventError(.tooMany, "the batch has more than \(maximumCount) events, the limit")
                    }
                    do throws(EventError) {
                        events.append(try JSONEventReader.event(&scanner))
                    } catch {
                        var error = error
                        error.eventIndex = events.count
                        throw error
                    }
                } while try scanner.more(until: "]")
            }
            try scanner.expectEnd()
            return events
        }
    }
}
