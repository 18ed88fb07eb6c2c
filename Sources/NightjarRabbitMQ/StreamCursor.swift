import CloudEvents

/// How far a stream was read, as the store keeps it.
///
/// Offsets begin anew when a stream is deleted and made again. Where that was noticed, another generation of offsets begins:
/// its messages are no duplicates of those that had the same offsets before.
struct StreamCursor: Hashable, Sendable {
    /// How often the stream was made again.
    private(set) var generation: UInt64 = 0
    /// The offset of the next message; `nil` if none was taken.
    private(set) var next: UInt64?

    /// Nothing was read.
    init() {}

    /// Reads what ``stored(at:)`` wrote; `nil` for anything else.
    init?(stored: [UInt8]) {
        let parts = String(decoding: stored, as: UTF8.self).split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let generation = UInt64(parts[0]), let offset = UInt64(parts[1]), offset < .max else {
            return nil
        }
        self.generation = generation
        next = offset + 1
    }

    /// What the store keeps once the message at that offset was taken.
    func stored(at offset: UInt64) -> [UInt8] { Array("\(generation):\(offset)".utf8) }

    /// The message at that offset was taken.
    mutating func move(to offset: UInt64) { next = offset &+ 1 }

    /// The stream is not there: if there is one later, it is another.
    mutating func forget() {
        guard next != nil else { return }
        generation += 1
        next = nil
    }

    /// Stands before an offset in an event's id.
    var prefix: String { generation == 0 ? "" : "\(generation)-" }

    /// Where reading begins.
    /// - Parameters:
    ///   - wanted: what the options say.
    ///   - firstAttached: when the stream was first read from, without having brought a message yet.
    func start(_ wanted: RabbitMQOptions.StreamStart, firstAttached: Timestamp?) -> RabbitMQOptions.StreamStart {
        if let next { return .offset(next) }
        if generation > 0 { return .first }
        // What came while the connection was lost came after the beginning; clocks differ by a little.
        if wanted == .next, let firstAttached { return .time(firstAttached - .seconds(5)) }
        return wanted
    }
}
