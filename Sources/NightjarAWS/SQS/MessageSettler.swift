import CloudEvents
import Logging
import NightjarCore
import Synchronization

/// Tells the queue what became of messages in hand: deletes them, gives them back, or hides them for longer. It goes on with
/// that when the task is cancelled.
final class MessageSettler: Sendable {
    private struct Visibility {
        var receipt: String
        var seconds: Int64
    }

    private typealias Outcome = Result<SQSModel.Success, AWSError>

    /// So often it is tried to delete or give back a message; then it comes again by itself.
    private static let tries = 8
    private static let triesWhenStopping = 2

    private let client: SQSClient
    private let time: any TimeSource
    private let logger: Logger
    private let held = Mutex((messages: HeldMessages(), receipts: [HeldMessages.Number: String]()))
    private let deletes: Batcher<String, Outcome>
    /// One request at a time: what hides a message must not overtake what shows it.
    private let visibilities: Batcher<Visibility, Outcome>

    init(client: SQSClient, url: String, time: any TimeSource, logger: Logger) {
        self.client = client
        self.time = time
        self.logger = logger
        deletes = Batcher(.init(requests: 2)) { receipts in
            await client.batch("DeleteMessageBatch", of: receipts, to: url) { receipt, writer in
                writer.member("ReceiptHandle", receipt)
            }
        }
        visibilities = Batcher(.init(requests: 1)) { changes in
            await client.batch("ChangeMessageVisibilityBatch", of: changes, to: url) { change, writer in
                writer.member("ReceiptHandle", change.receipt)
                writer.member("VisibilityTimeout", change.seconds)
            }
        }
    }

    /// A message is in hand, hidden from now on.
    func hold(_ receipt: String) -> HeldMessages.Number {
        held.withLock { held in
            let number = held.messages.hold(receipt, now: time.elapsed)
            held.receipts[number] = receipt
            return number
        }
    }

    /// Deletes a message: it was taken.
    func delete(_ number: HeldMessages.Number) async {
        guard let receipt = held.withLock({ $0.receipts[number] }) else { return }
        let failure = await persistently { await self.deletes.deliver(receipt) }
        release(number)
        if let failure {
            logger.warning(
                "a message was taken and could not be deleted: it comes again", metadata: ["error": "\(failure)"])
        }
    }

    /// Gives messages back to the queue, which holds them back for that time.
    func giveBack(_ numbers: [HeldMessages.Number], after wait: Duration = .zero) async {
        await withDiscardingTaskGroup { group in
            for number in numbers {
                group.addTask { await self.giveBack(number, after: wait) }
            }
        }
    }

    private func giveBack(_ number: HeldMessages.Number, after wait: Duration) async {
        let found = held.withLock { held in
            held.receipts[number].map { ($0, held.messages.age(number, now: time.elapsed) ?? .zero) }
        }
        guard let (receipt, age) = found else { return }
        // Nobody must hide it for longer any more.
        release(number)
        let seconds = Self.wholeSeconds(min(wait, HeldMessages.longest - age))
        let failure = await persistently {
            await self.visibilities.deliver(Visibility(receipt: receipt, seconds: seconds))
        }
        if let failure {
            logger.warning(
                "a message could not be given back: it comes again when its visibility timeout has passed",
                metadata: ["error": "\(failure)"])
        }
    }

    /// Rounded up.
    static func wholeSeconds(_ duration: Duration) -> Int64 {
        let (seconds, attoseconds) = duration.components
        return max(0, attoseconds > 0 ? seconds + 1 : seconds)
    }

    /// Hides messages for longer that would soon be shown.
    func hideLonger(_ visibility: Duration) async {
        let due = held.withLock { $0.messages.due(now: time.elapsed, visibility: visibility) }
        guard !due.isEmpty else { return }
        await withDiscardingTaskGroup { group in
            for (number, receipt) in due {
                group.addTask {
                    let change = Visibility(receipt: receipt, seconds: visibility.components.seconds)
                    guard case .failure(let error) = await self.visibilities.deliver(change) else { return }
                    self.couldNotHide(number, error)
                }
            }
        }
    }

    private func couldNotHide(_ number: HeldMessages.Number, _ error: AWSError) {
        let isHeld = held.withLock { held in
            if error.isTransient { held.messages.failedToHide(number) }
            return held.receipts[number] != nil
        }
        // It may have been settled meanwhile.
        guard isHeld else { return }
        logger.warning(
            "a message could not be hidden for longer: it may come again while it is worked on",
            metadata: ["error": "\(error)"])
    }

    private func release(_ number: HeldMessages.Number) {
        held.withLock { held in
            held.messages.release(number)
            held.receipts[number] = nil
        }
    }

    /// Tries until it succeeds, or cannot, or it is enough.
    private func persistently(_ body: () async -> Outcome) async -> AWSError? {
        var failures = 0
        while true {
            guard case .failure(let error) = await body() else { return nil }
            failures += 1
            let isStopping = Task.isCancelled
            let mayPass = error.isTransient || error.code == .credentials || error.code == .rejectedCredentials
            guard mayPass, failures < (isStopping ? Self.triesWhenStopping : Self.tries) else { return error }
            let wait = error.wait(afterFailure: failures)
            await client.service.exchange.pause(for: isStopping ? min(wait, .seconds(1)) : wait)
        }
    }
}
