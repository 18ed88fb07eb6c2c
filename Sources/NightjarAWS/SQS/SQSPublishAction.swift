public import CloudEvents
public import NightjarCore

/// Does a run by sending its event to a queue of Amazon SQS; done when the queue has answered that it has it. The items of a
/// batch are sent one by one, those of a FIFO queue in their order.
///
/// What cannot be sent, whatever the time, fails for good: a message that is too large, or that the queue refuses as wrong. A
/// queue that does not exist, access that is denied and all else is tried again as the job's policy says.
public struct SQSPublishAction: RunHandler {
    /// So many items of a batch are on their way at once.
    private static let mostAtOnce = 50

    private let publisher: SQSPublisher
    private let message: @Sendable (RunContext, CloudEvents.Event) throws -> SQSMessageOptions

    /// An action that sends by a publisher, which actions may share.
    /// - Parameter message: what an event of a run is sent with: the run's own event, or an item of a batch.
    public init(
        _ publisher: SQSPublisher,
        message: @escaping @Sendable (RunContext, CloudEvents.Event) throws -> SQSMessageOptions = { _, _ in
            SQSMessageOptions()
        }
    ) {
        self.publisher = publisher
        self.message = message
    }

    /// Sends the event, or the items.
    public func run(_ context: RunContext) async throws -> RunOutput {
        guard context.items.isEmpty else { return try await sendItems(context) }
        do {
            let receipt = try await send(context.event, of: context)
            return RunOutput(result: Self.result(receipt))
        } catch let error as AWSError {
            throw RunFailure(error.message, Self.disposition(error), code: error.serviceCode ?? "aws")
        }
    }

    private func send(_ event: CloudEvents.Event, of context: RunContext) async throws -> SQSReceipt {
        var options = try message(context, event)
        if publisher.isFIFO {
            options.groupID = options.groupID ?? context.job
            // Not the event's id alone: a FIFO queue would drop what another job sends for the same event.
            options.deduplicationID =
                options.deduplicationID ?? SQSPublisher.name(of: ["\(context.id)", event.source, event.id])
        }
        return try await publisher.publish(event, options)
    }

    private func sendItems(_ context: RunContext) async throws -> RunOutput {
        let atOnce = publisher.isFIFO ? 1 : Self.mostAtOnce
        let failures = try await withThrowingTaskGroup(of: (Int, AWSError?).self) { group in
            var failures: [Int: AWSError] = [:]
            for (index, item) in context.items.enumerated() {
                if index >= atOnce, let (done, failure) = try await group.next() {
                    failures[done] = failure
                    // What follows must not overtake it.
                    if failure != nil, publisher.isFIFO {
                        for rest in index..<context.items.count { failures[rest] = failure }
                        break
                    }
                }
                group.addTask {
                    do {
                        _ = try await send(item, of: context)
                        return (index, nil)
                    } catch let error as AWSError {
                        return (index, error)
                    }
                }
            }
            for try await (done, failure) in group { failures[done] = failure ?? failures[done] }
            return failures
        }
        guard !failures.isEmpty else { return .none }
        let dispositions = failures.values.map(Self.disposition)
        throw BatchFailure(
            items: failures.mapValues(\.message),
            dispositions.allSatisfy { $0 == .never } ? .never : dispositions.first { $0 != .never } ?? .retry,
            code: failures.values.first?.serviceCode ?? "aws")
    }

    private static func disposition(_ error: AWSError) -> RunFailure.Disposition {
        switch error.code {
        case .invalid, .configuration: .never
        default: error.retryAfter.map { .retryAfter($0) } ?? .retry
        }
    }

    private static func result(_ receipt: SQSReceipt) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("messageId", receipt.messageID)
        writer.member("sequenceNumber", receipt.sequenceNumber)
        writer.endObject()
        return writer.bytes
    }
}
