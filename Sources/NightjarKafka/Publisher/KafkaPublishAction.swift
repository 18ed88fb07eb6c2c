import CloudEvents
public import NightjarCore

/// Does a run by publishing its event to Kafka. The run completes when the brokers have confirmed it; the result says where it
/// stands: `{"topic": …, "partition": …, "offset": …}`.
///
/// Each event of a batch is published as a message of its own; the result is that of the last one. A message that is larger than
/// the brokers or the client allow is never tried again; any other failure is, as the job's policy says.
public struct KafkaPublishAction: RunHandler {
    private let publisher: KafkaPublisher
    private let message: @Sendable (RunContext) throws -> KafkaMessageOptions

    /// An action that publishes by `publisher`, which several actions may share.
    /// - Parameter message: what varies from run to run. What it throws fails the attempt.
    public init(
        _ publisher: KafkaPublisher,
        message: @escaping @Sendable (RunContext) throws -> KafkaMessageOptions = { _ in KafkaMessageOptions() }
    ) {
        self.publisher = publisher
        self.message = message
    }

    /// Publishes, and waits for the confirmation.
    public func run(_ context: RunContext) async throws -> RunOutput {
        let message = try message(context)
        if context.items.isEmpty {
            do { return Self.output(try await publisher.publish(context.event, message)) } catch {
                throw try Self.failure(error)
            }
        }
        return try await publish(context.items, message)
    }

    private func publish(_ items: [Event], _ message: KafkaMessageOptions) async throws -> RunOutput {
        var failures: [Int: String] = [:]
        var last: KafkaReceipt?
        var code: String?
        var isPermanent = true
        try await withThrowingTaskGroup(of: (Int, Result<KafkaReceipt, RunFailure>).self) { group in
            for (index, item) in items.enumerated() {
                group.addTask {
                    do { return (index, .success(try await publisher.publish(item, message))) } catch {
                        return (index, .failure(try Self.failure(error)))
                    }
                }
            }
            for try await (index, result) in group {
                switch result {
                case .success(let receipt): last = receipt
                case .failure(let failure):
                    failures[index] = failure.message
                    code = failure.code
                    isPermanent = isPermanent && failure.disposition == .never
                }
            }
        }
        guard failures.isEmpty else {
            throw BatchFailure(items: failures, isPermanent ? .never : .retry, code: code)
        }
        return last.map { Self.output($0) } ?? .none
    }

    private static func output(_ receipt: KafkaReceipt) -> RunOutput {
        // A topic's name needs no escaping.
        let text = #"{"topic":"\#(receipt.topic)","partition":\#(receipt.partition),"offset":\#(receipt.offset)}"#
        return RunOutput(result: Array(text.utf8))
    }

    /// - Throws: `CancellationError` if that is what happened.
    private static func failure(_ error: any Error) throws -> RunFailure {
        guard let error = error as? KafkaError else {
            if error is CancellationError { throw error }
            return RunFailure("\(error)", .never, code: "event")
        }
        return RunFailure(
            error.message, error.code == .tooLarge || error.code == .configuration ? .never : .retry,
            code: "\(error.code)")
    }
}
