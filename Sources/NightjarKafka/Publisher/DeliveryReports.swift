import Synchronization

/// Who waits for which delivery report. A message is told apart by a number that librdkafka carries with it.
final class DeliveryReports: Sendable {
    typealias Outcome = Result<KafkaReceipt, any Error>

    private struct State {
        var last: UInt = 0
        var waiting: [UInt: CheckedContinuation<Outcome, Never>] = [:]
        /// Messages that librdkafka has, whether anyone waits for them or not.
        var outstanding = 0
        var forRoom: [UInt: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    func newNumber() -> UInt {
        state.withLock { state in
            state.last += 1
            return state.last
        }
    }

    func wait(for number: UInt, _ continuation: CheckedContinuation<Outcome, Never>) {
        state.withLock { state in
            state.waiting[number] = continuation
            state.outstanding += 1
        }
    }

    /// The message was not taken by librdkafka: no report comes.
    func refuse(_ number: UInt, _ error: any Error) { end(number, .failure(error), isReport: true) }

    /// Nobody waits for the report any more.
    func abandon(_ number: UInt) { end(number, .failure(CancellationError()), isReport: false) }

    /// No more reports come.
    func refuseAll(_ error: any Error) {
        let (waiting, forRoom) = state.withLock { state in
            defer { (state.waiting, state.forRoom, state.outstanding) = ([:], [:], 0) }
            return (Array(state.waiting.values), Array(state.forRoom.values))
        }
        for continuation in waiting { continuation.resume(returning: .failure(error)) }
        for continuation in forRoom { continuation.resume() }
    }

    func report(_ number: UInt, _ outcome: Outcome) { end(number, outcome, isReport: true) }

    private func end(_ number: UInt, _ outcome: Outcome, isReport: Bool) {
        let (continuation, forRoom) = state.withLock { state in
            var forRoom: [CheckedContinuation<Void, Never>] = []
            if isReport {
                state.outstanding -= 1
                forRoom = Array(state.forRoom.values)
                state.forRoom = [:]
            }
            return (state.waiting.removeValue(forKey: number), forRoom)
        }
        continuation?.resume(returning: outcome)
        for continuation in forRoom { continuation.resume() }
    }

    /// Waits until a report has come, and with it room for another message; or the task is cancelled.
    func waitForRoom() async {
        let number = newNumber()
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let waits = state.withLock { state in
                    guard state.outstanding > 0, !Task.isCancelled else { return false }
                    state.forRoom[number] = continuation
                    return true
                }
                if !waits { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.forRoom.removeValue(forKey: number) }?.resume()
        }
    }
}
