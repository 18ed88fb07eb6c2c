import CloudEvents
import Logging
import NightjarCore
import Synchronization

/// Does what a consumer asks for, each in a task of its own.
struct ConsumerSession: Sendable {
    let consumer: KafkaConsumer

    private var context: SourceContext { consumer.context }

    /// Goes on until the consumer has left its group.
    /// - Returns: why the intake took nothing more.
    func run() async -> (any Error)? {
        let refusal = FirstError()
        await withDiscardingTaskGroup { group in
            while true {
                let steps = await consumer.next()
                if steps.isEmpty { break }
                for step in steps { group.addTask { await `do`(step, refusal) } }
            }
            group.cancelAll()
        }
        return refusal.error
    }

    private func `do`(_ step: KafkaConsumer.Step, _ refusal: FirstError) async {
        switch step {
        case .take(let batch):
            do {
                try await take(batch.messages)
                await consumer.answered(batch)
            } catch {
                refusal.note(error)
                await consumer.refused(batch)
            }
        case .begin(let partitions, let look): await begin(partitions, look)
        case .find(let position, let assignment): await goOn(position, assignment)
        case .look:
            // What can't be read now is looked for again.
            guard let partitions = try? await consumer.handle.partitions() else { return }
            await consumer.found(topics: Set(partitions.map(\.topic)))
        case .probe: await probe()
        }
    }

    /// Kafka has no way to give back or to reject one message: what is to be delivered again is taken again from here.
    private func take(_ messages: [SourceMessage]) async throws {
        var messages = messages
        while true {
            let answers = try await context.take(messages)
            var delay = Duration.zero
            var again: [SourceMessage] = []
            for (message, answer) in zip(messages, answers) {
                guard case .redeliver(let after) = answer else { continue }
                again.append(message)
                delay = max(delay, after)
            }
            if again.isEmpty { return }
            try await context.time.sleep(for: delay)
            messages = again
        }
    }

    private func begin(_ partitions: [PartitionID], _ look: Int) async {
        let finder = StartFinder(handle: consumer.handle, options: consumer.options, context: context)
        guard let starts = await untilItWorks(partitions, .look(look), { try await finder.starts(of: partitions) })
        else {
            return
        }
        await consumer.begin(starts.offsets, known: starts.committed, look: look)
    }

    private func goOn(_ position: PartitionOffset, _ assignment: Int) async {
        let finder = StartFinder(handle: consumer.handle, options: consumer.options, context: context)
        guard
            let offset = await untilItWorks(
                [position.partition], .assignment(assignment), { try await finder.continuation(of: position) })
        else { return }
        await consumer.goOn(assignment, at: offset)
    }

    private func probe() async {
        var failures = 0
        while await !consumer.handle.isAnswered() {
            failures += 1
            do { try await context.time.sleep(for: min(.seconds(5), Retry.delay(afterFailure: failures))) } catch {
                return
            }
        }
        await consumer.brokerAnswered()
    }

    /// - Returns: `nil` if the task was cancelled, or the partitions went, before it worked.
    private func untilItWorks<Value: Sendable>(
        _ partitions: [PartitionID], _ search: KafkaConsumer.Search, _ body: () async throws -> Value
    ) async -> Value? {
        var failures = 0
        while !Task.isCancelled {
            do { return try await body() } catch {
                failures += 1
                guard await consumer.cannotBegin(partitions, search, error) else { return nil }
                do { try await context.time.sleep(for: Retry.delay(afterFailure: failures)) } catch { return nil }
            }
        }
        return nil
    }
}

/// The first error of several tasks.
private final class FirstError: Sendable {
    private let first = Mutex<(any Error)?>(nil)

    var error: (any Error)? { first.withLock { $0 } }

    func note(_ error: any Error) {
        first.withLock { if $0 == nil { $0 = error } }
    }
}
