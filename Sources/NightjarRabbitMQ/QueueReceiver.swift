import CloudEvents
import NightjarCore
import Synchronization

/// Receives with one consumer, hands over what it brings, and connects again when the connection is lost.
final class QueueReceiver: Sendable {
    private static let backoff = Backoff.exponential(from: .milliseconds(250), upTo: .seconds(30))
    /// A connection that held so long has not failed again, but anew.
    private static let steady: Duration = .seconds(30)

    private let setting: QueueConsumer.Setting
    private let context: SourceContext
    private let monitor: SourceMonitor
    private let number: Int
    /// How many messages are taken by calls that were not answered yet, of this connection and of those before.
    private let inHand = Mutex(0)
    /// What the queue said that it holds, less what was read of a stream.
    private let position = Mutex<StreamCursor?>(nil)

    init(setting: QueueConsumer.Setting, context: SourceContext, monitor: SourceMonitor, number: Int) {
        self.setting = setting
        self.context = context
        self.monitor = monitor
        self.number = number
    }

    private var options: RabbitMQOptions { setting.options }
    private var cursorKey: String { "stream:\(setting.address.virtualHost)/\(options.queue)" }

    /// Receives until the task is cancelled.
    func run() async throws {
        var cursor: StreamCursor?
        if options.kind == .stream {
            cursor = try await context.state()[cursorKey].flatMap { StreamCursor(stored: $0) } ?? StreamCursor()
        }
        let consumer = try QueueConsumer(setting) { [self] count in
            // A stream tells how many messages it holds, not where its end is: without truncation that is the same.
            let read = position.withLock { $0?.next } ?? 0
            if number == 0 { context.measure(.waiting(max(0, count - Int(clamping: read)))) }
        }
        defer { consumer.stop() }
        do {
            try await withThrowingDiscardingTaskGroup { group in
                try await receive(consumer, &group, cursor)
                // What was handed over is waited for; nothing new comes meanwhile.
                await consumer.stopReceiving()
                group.cancelAll()
            }
        } catch {
            await consumer.close()
            throw error
        }
        await consumer.close()
    }

    /// One connection after the other.
    private func receive(
        _ consumer: QueueConsumer, _ group: inout ThrowingDiscardingTaskGroup<any Error>, _ cursor: StreamCursor?
    ) async throws {
        var cursor = cursor
        var failures = 0
        var random = SystemRandomNumberGenerator()
        var firstAttached: Timestamp?
        while !Task.isCancelled {
            var openedAt: Duration?
            do {
                position.withLock { $0 = cursor }
                let start = cursor?.start(options.streamStart, firstAttached: firstAttached) ?? .next
                let session = try await open(consumer, from: start, cursor)
                openedAt = context.time.elapsed
                firstAttached = firstAttached ?? context.time.now
                monitor.works(number, afterFailures: failures)
                for try await _ in session.inbox.arrivals {
                    try await handOver(session.inbox.take(), session, consumer, &group, &cursor)
                }
                // Without an error it ends because the task was cancelled, or the consumer closed.
                if Task.isCancelled { return }
            } catch let error as RabbitMQError {
                if Task.isCancelled { return }
                if let openedAt, context.time.elapsed - openedAt > Self.steady { failures = 0 }
                failures += 1
                if error.saysNoQueue { cursor?.forget() }
                monitor.fails(number, error, failures: failures)
                do { try await wait(afterFailures: failures, &random) } catch { return }
            }
        }
    }

    /// Connects. A server that does not answer must not keep the node from stopping.
    private func open(
        _ consumer: QueueConsumer, from start: RabbitMQOptions.StreamStart, _ cursor: StreamCursor?
    ) async throws -> QueueConsumer.Session {
        try await withTaskCancellationHandler {
            try await consumer.open(from: start, streamPrefix: cursor?.prefix ?? "")
        } onCancel: {
            consumer.interrupt()
        }
    }

    /// Waits before the next connection; longer while more messages than a connection may bring are still worked on.
    private func wait(afterFailures failures: Int, _ random: inout SystemRandomNumberGenerator) async throws {
        try await context.time.sleep(for: Self.backoff.delay(afterFailure: failures, using: &random))
        while inHand.withLock({ $0 }) > options.prefetch { try await context.time.sleep(for: .milliseconds(50)) }
    }

    private func handOver(
        _ batch: Inbox.Batch, _ session: QueueConsumer.Session, _ consumer: QueueConsumer,
        _ group: inout ThrowingDiscardingTaskGroup<any Error>, _ cursor: inout StreamCursor?
    ) async throws {
        guard !batch.messages.isEmpty else { return }
        if options.takesInOrder {
            let messages = noting(batch, cursor)
            try await take(messages, batch.firstTag, session, consumer)
            if let offset = batch.lastOffset { cursor?.move(to: offset) }
            position.withLock { $0 = cursor }
            return
        }
        // Pieces, so that one slow handler holds up the acknowledgement of few others.
        let size = max(1, options.prefetch / 16)
        var at = 0
        while at < batch.messages.count {
            let messages = Array(batch.messages[at..<min(at + size, batch.messages.count)])
            let firstTag = batch.firstTag + UInt64(at)
            group.addTask {
                // The group's body would not hear of an error that is thrown here.
                do { try await self.take(messages, firstTag, session, consumer) } catch { consumer.giveUp(error) }
            }
            at += size
        }
    }

    /// The messages of a stream with what is to be remembered once all of them are taken.
    private func noting(_ batch: Inbox.Batch, _ cursor: StreamCursor?) -> [SourceMessage] {
        guard let cursor, let offset = batch.lastOffset, let last = batch.messages.last else { return batch.messages }
        let change = SourceStateChange(trigger: context.trigger, key: cursorKey, value: cursor.stored(at: offset))
        var messages = batch.messages
        switch last {
        case .event(var event):
            event.stateChanges.append(change)
            messages[messages.count - 1] = .event(event)
        case .unreadable(var message):
            message.stateChanges.append(change)
            messages[messages.count - 1] = .unreadable(message)
        }
        return messages
    }

    /// Hands messages over, and tells the consumer what became of them.
    private func take(
        _ messages: [SourceMessage], _ firstTag: UInt64, _ session: QueueConsumer.Session, _ consumer: QueueConsumer
    ) async throws {
        inHand.withLock { $0 += messages.count }
        defer { inHand.withLock { $0 -= messages.count } }
        let taken: [Taken]
        do {
            taken = try await context.take(messages)
        } catch is CancellationError {
            // Nothing was taken: all of it goes back when the connection is closed.
            return
        }
        consumer.settle(QueueConsumer.Answers(session: session.number, firstTag: firstTag, taken: taken))
        guard taken.contains(where: \.isGivenBack) else { return }
        await withDiscardingTaskGroup { group in
            for (index, answer) in taken.enumerated() {
                guard case .redeliver(let delay) = answer else { continue }
                group.addTask {
                    // When the node stops there is nobody left to hold it back.
                    try? await self.context.time.sleep(for: delay)
                    consumer.giveBack(firstTag + UInt64(index), of: session.number)
                }
            }
        }
    }
}

extension Taken {
    fileprivate var isGivenBack: Bool {
        if case .redeliver = self { true } else { false }
    }
}
