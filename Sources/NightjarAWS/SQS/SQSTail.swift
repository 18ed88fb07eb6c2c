public import CloudEvents
import Synchronization

extension SQSSource {
    /// Shows what comes into a queue, live, until the sequence is left.
    ///
    /// Amazon SQS shows no message to anybody without hiding it from everybody else for a while and counting that as a
    /// delivery. So this disturbs whoever works on the queue: a message that was shown comes to them `hiddenFor` later, and a
    /// redrive policy may move it to the dead-letter queue before they had it as often as they should. Nothing is deleted.
    /// - Parameters:
    ///   - disturbing: whether that may be.
    ///   - hiddenFor: how long a message is hidden from others, whole seconds from 1 to 60.
    /// - Throws: ``AWSError`` with `configuration` if it may not be, or the options cannot be.
    public static func tail(
        _ options: SQSOptions, disturbing: Bool, hiddenFor: Duration = .seconds(5)
    ) throws(AWSError) -> AsyncThrowingStream<Event, any Error> {
        try tail(options, disturbing: disturbing, hiddenFor: hiddenFor, environment: .process)
    }

    static func tail(
        _ options: SQSOptions, disturbing: Bool, hiddenFor: Duration, environment: AWSEnvironment
    ) throws(AWSError) -> AsyncThrowingStream<Event, any Error> {
        guard options.contradiction == nil, let address = QueueAddress(options.queue) else {
            throw AWSError(.configuration, options.contradiction ?? "the queue has no address")
        }
        guard disturbing else {
            throw AWSError(
                .configuration,
                "a queue of Amazon SQS cannot be watched without disturbing it: each message that is shown is hidden from its consumers for \(hiddenFor) and counts as delivered, so that a redrive policy may move it away; say that this may be"
            )
        }
        guard (1...60).contains(hiddenFor.components.seconds), hiddenFor.components.attoseconds == 0 else {
            throw AWSError(.configuration, "messages are hidden for \(hiddenFor): expected whole seconds from 1 to 60")
        }
        let client = try SQSClient(options.aws, for: address, environment: environment, now: { wallClock() })
        let tail = Tail(client: client, address: address, options: options, hiddenFor: hiddenFor)
        return AsyncThrowingStream { try await tail.next() }
    }
}

/// Receives and deletes nothing.
private final class Tail: Sendable {
    /// So many messages are known, so that none is shown twice.
    private static let mostKnown = 10_000

    private struct State {
        var url: String?
        var ready: [Event] = []
        var known: Set<String> = []
        var order: [String] = []
        var failures = 0

        /// - Returns: whether it was not known.
        mutating func note(_ id: String) -> Bool {
            guard known.insert(id).inserted else { return false }
            order.append(id)
            if order.count > mostKnown { known.remove(order.removeFirst()) }
            return true
        }
    }

    private let client: SQSClient
    private let address: QueueAddress
    private let options: SQSOptions
    private let hiddenFor: Duration
    private let state = Mutex(State())

    init(client: SQSClient, address: QueueAddress, options: SQSOptions, hiddenFor: Duration) {
        self.client = client
        self.address = address
        self.options = options
        self.hiddenFor = hiddenFor
    }

    func next() async throws -> Event? {
        while true {
            if let event = state.withLock({ $0.ready.isEmpty ? nil : $0.ready.removeFirst() }) { return event }
            do {
                try await receive()
            } catch let error as AWSError {
                let failures = state.withLock { state in
                    state.failures += 1
                    return state.failures
                }
                // Somebody looks on: what does not pass by itself, he is told.
                guard error.isTransient else { throw error }
                try await ContinuousClock().sleep(for: error.wait(afterFailure: failures))
            } catch is CancellationError {
                return nil
            }
        }
    }

    private func receive() async throws {
        let known = state.withLock { $0.url }
        let url = if let known { known } else { try await client.url(of: address) }
        let messages = try await client.receive(
            from: url, most: 10, wait: max(options.wait, .seconds(1)), visibility: hiddenFor.components.seconds)
        let reader = MessageReader(source: url, unwrap: options.unwrap)
        let hasNew = state.withLock { state in
            state.url = url
            state.failures = 0
            let new = messages.filter { state.note($0.MessageId) }
            for message in new { state.ready += reader.shown(message) }
            return !new.isEmpty
        }
        // Those that were shown come again and again; they must not be asked for without a pause.
        if !messages.isEmpty, !hasNew { try await ContinuousClock().sleep(for: hiddenFor / 2) }
    }
}

extension MessageReader {
    /// What is shown of a message: also what could not be taken.
    fileprivate func shown(_ message: SQSModel.Message) -> [Event] {
        switch read(message) {
        case .events(let events): return events
        case .passedOver: return []
        case .unreadable(let reason):
            var event = Event(id: message.MessageId, source: source, type: "nightjar.message.rejected")
            event.extensions["reason"] = .string(reason)
            event.data = Array((message.Body ?? "").utf8)
            return [event]
        }
    }
}
