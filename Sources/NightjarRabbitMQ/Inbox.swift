import NightjarCore
import Synchronization

/// Messages that a consumer has received and nobody has taken yet: never more than its prefetch.
final class Inbox: Sendable {
    /// Messages with consecutive delivery numbers.
    struct Batch: Sendable {
        var firstTag: UInt64 = 0
        var messages: [SourceMessage] = []
        /// In a stream, where the last of them is.
        var lastOffset: UInt64?
    }

    private let batch = Mutex(Batch())
    /// Says that there is something; ends when the connection ends, with an error if it was lost.
    let arrivals: AsyncThrowingStream<Void, any Error>
    private let arrival: AsyncThrowingStream<Void, any Error>.Continuation

    init() {
        (arrivals, arrival) = AsyncThrowingStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// Adds what came. The numbers go on from those that were added before.
    func put(_ new: Batch) {
        batch.withLock { batch in
            if batch.messages.isEmpty {
                batch = new
            } else {
                batch.messages.append(contentsOf: new.messages)
                batch.lastOffset = new.lastOffset ?? batch.lastOffset
            }
        }
        arrival.yield()
    }

    /// Everything that is there.
    func take() -> Batch { batch.withLock { exchange(&$0, Batch()) } }

    /// Nothing comes any more.
    func finish(throwing error: (any Error)? = nil) { arrival.finish(throwing: error) }
}

private func exchange<Value>(_ place: inout sending Value, _ new: sending Value) -> sending Value {
    let old = place
    place = new
    return old
}
