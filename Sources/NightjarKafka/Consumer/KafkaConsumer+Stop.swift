import CLibrdkafka
import Logging
import NightjarCore

/// The end: drain, commit, leave.
extension KafkaConsumer {
    /// In seconds.
    private static let commitPatience = 5
    private static let leavePatience = 5

    func beginToStop() {
        guard phase == .running else { return }
        phase = .draining
        drop(Set(numbered.keys))
    }

    func goOnStopping() {
        if phase == .draining, batchesInHand == 0 {
            phase = .committing
            phaseEnds = ticks + Self.commitPatience
        }
        if phase == .committing { goOnCommitting() }
        guard phase == .leaving else { return }
        if rd_kafka_consumer_closed(handle.pointer) != 0 {
            phase = .left
        } else if ticks >= phaseEnds {
            context.logger.warning("Kafka: the group was not left in time: it waits for this node's session to end")
            phase = .left
        }
    }

    private func goOnCommitting() {
        if ticks >= phaseEnds {
            // The library commits before it leaves.
            if !hasBegunLastCommit {
                isCommitting = false
                commit()
            }
            return leave()
        }
        // A commit that was on its way when the last message was done knows nothing of it.
        if isCommitting { return }
        if !hasBegunLastCommit {
            hasBegunLastCommit = true
            commit()
            if isCommitting { return }
        }
        guard isCommitFailed else { return leave() }
        // Brokers that were away a moment ago take it a second later.
        if ticks > lastCommit { commit() }
    }

    private func leave() {
        phase = .leaving
        phaseEnds = ticks + Self.leavePatience
        goOnRevoking()
        if let partitions = unassigned {
            // The library waits for an answer to what the group gave.
            unassigned = nil
            given(partitions)
        }
        if let error = KafkaError(
            consuming: rd_kafka_consumer_close_queue(handle.pointer, control), "the group can't be left")
        {
            context.logger.debug("Kafka: \(error)")
            phase = .left
        }
    }
}
