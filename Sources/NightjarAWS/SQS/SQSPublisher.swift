public import CloudEvents
import Crypto
import NetworkFailures
import NightjarCore
import Synchronization

/// Sends events to a queue: what comes while requests are on their way goes together, ten messages to a request.
public final class SQSPublisher: Sendable {
    private struct Entry {
        var message: OutgoingMessage
        var options: SQSMessageOptions
    }

    /// How often a message is sent within one call, when the failure may pass at once.
    private static let tries = 3

    /// What it was made with.
    public let options: SQSPublishOptions
    /// Whether the queue keeps messages in order.
    public let isFIFO: Bool
    private let client: SQSClient
    private let batcher: Batcher<Entry, Result<SQSModel.Success, AWSError>>

    /// How many messages wait for their turn.
    var waiting: Int { batcher.waiting }

    /// A publisher; it connects with the first event.
    /// - Throws: ``AWSError`` with `configuration` if the options cannot be.
    public convenience init(_ options: SQSPublishOptions) throws(AWSError) {
        try self.init(options, environment: .process)
    }

    init(_ options: SQSPublishOptions, environment: AWSEnvironment) throws(AWSError) {
        guard options.contradiction == nil, let address = QueueAddress(options.queue) else {
            throw AWSError(.configuration, options.contradiction ?? "the queue has no address")
        }
        let client = try SQSClient(options.aws, for: address, environment: environment, now: { wallClock() })
        let locator = QueueLocator(client, address)
        self.options = options
        self.client = client
        isFIFO = address.isFIFO
        batcher = Batcher(.init(bytes: options.mostBytes, requests: address.isFIFO ? 1 : 4)) { entries in
            await Self.send(entries, client, locator)
        }
    }

    /// Sends an event, and waits until the queue has it. A failure that may pass is tried again twice, after a wait. When the
    /// task is cancelled, a message that is on its way is waited for, at most as long as a request may take.
    /// - Throws: ``AWSError``; `CancellationError` if it was not sent.
    public func publish(_ event: Event, _ options: SQSMessageOptions = SQSMessageOptions()) async throws -> SQSReceipt {
        let message = try OutgoingMessage(event, as: self.options.format)
        guard message.bytes <= self.options.mostBytes else {
            throw AWSError(
                .invalid,
                "the message has \(message.bytes) bytes with its attributes: expected \(self.options.mostBytes) at most"
            )
        }
        let entry = Entry(message: message, options: try completed(options, for: event))
        var failures = 0
        while true {
            switch try await batcher.submit(entry, bytes: message.bytes, isStoppable: true) {
            case .success(let success):
                return SQSReceipt(messageID: success.MessageId ?? "", sequenceNumber: success.SequenceNumber)
            case .failure(let error):
                failures += 1
                guard error.isTransient, failures < Self.tries, !Task.isCancelled else { throw error }
                await client.service.exchange.pause(for: min(.seconds(2), error.wait(afterFailure: failures)))
            }
        }
    }

    private func completed(_ options: SQSMessageOptions, for event: Event) throws(AWSError) -> SQSMessageOptions {
        var options = options
        if let delay = options.delay {
            guard !isFIFO else {
                throw AWSError(.invalid, "messages of a FIFO queue cannot be held back one by one: expected no delay")
            }
            guard delay.components.attoseconds == 0, (0...900).contains(delay.components.seconds) else {
                throw AWSError(.invalid, "the delay is \(delay): expected whole seconds up to 15 minutes")
            }
        }
        if isFIFO {
            options.groupID = options.groupID ?? "nightjar"
            options.deduplicationID = options.deduplicationID ?? Self.name(of: [event.source, event.id])
        }
        for (name, value) in [("group", options.groupID), ("deduplication", options.deduplicationID)] {
            if let value, !Self.isIdentifier(value) {
                throw AWSError(
                    .invalid, "the \(name) id is no 1 to 128 letters, digits and punctuation marks of ASCII")
            }
        }
        return options
    }

    /// A name that FIFO queues take, the same for the same parts.
    static func name(of parts: [String]) -> String {
        var hash = SHA256()
        for part in parts { hash.update(data: Array("\(part.utf8.count):\(part)".utf8)) }
        return Hexadecimal.text(hash.finalize())
    }

    private static func isIdentifier(_ text: String) -> Bool {
        (1...128).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    private static func send(
        _ entries: [Entry], _ client: SQSClient, _ locator: QueueLocator
    ) async -> [Result<SQSModel.Success, AWSError>] {
        let url: String
        do { url = try await locator.url() } catch {
            let error = NetworkFailure.error(error)
            return entries.map { _ in .failure(error) }
        }
        var results = await send(entries, client, to: url)
        let isRefused = results.allSatisfy {
            if case .failure(let error) = $0 { error.code == .invalid } else { false }
        }
        if isRefused, entries.count > 1 {
            // One that is wrong may be why all were refused.
            for index in entries.indices { results[index] = await send([entries[index]], client, to: url)[0] }
        }
        for case .failure(let error) in results where error.code == .notFound { locator.forget() }
        return results
    }

    private static func send(
        _ entries: [Entry], _ client: SQSClient, to url: String
    ) async -> [Result<SQSModel.Success, AWSError>] {
        await client.batch("SendMessageBatch", of: entries, to: url) { entry, writer in
            writer.member("MessageBody", entry.message.body)
            writer.member("MessageGroupId", entry.options.groupID)
            writer.member("MessageDeduplicationId", entry.options.deduplicationID)
            writer.member("DelaySeconds", entry.options.delay?.components.seconds)
            guard !entry.message.attributes.isEmpty else { return }
            writer.key("MessageAttributes")
            writer.beginObject()
            for attribute in entry.message.attributes {
                writer.key(attribute.name)
                writer.beginObject()
                writer.member("DataType", "String")
                writer.member("StringValue", attribute.value)
                writer.endObject()
            }
            writer.endObject()
        }
    }
}

/// Knows a queue's URL once it was asked for.
private final class QueueLocator: Sendable {
    private let client: SQSClient
    private let address: QueueAddress
    private let known = Mutex<String?>(nil)

    init(_ client: SQSClient, _ address: QueueAddress) {
        self.client = client
        self.address = address
    }

    func url() async throws -> String {
        if let url = known.withLock({ $0 }) { return url }
        let url = try await client.url(of: address, isStoppable: false)
        known.withLock { $0 = url }
        return url
    }

    func forget() { known.withLock { $0 = nil } }
}
