import CloudEvents
import Logging

/// What a source made of a message that it received.
public indirect enum SourceMessage: Sendable {
    /// The event that it carries, or that was made of it.
    case event(IncomingEvent)
    /// It cannot be taken as it is.
    case unreadable(UnreadableMessage)
}

/// A message that cannot be taken: it is recorded, so that a person can see it, and rejected by its system's own means.
public struct UnreadableMessage: Sendable {
    /// The type of the event that records such a message.
    public static let eventType = "nightjar.message.rejected"
    /// So much of its data is kept.
    public static let mostBytes = 65_536

    /// Names the message within its source, the same whenever it is delivered.
    public var id: String
    /// The source: a URI reference.
    public var source: String
    /// What is wrong with it and what was expected.
    public var reason: String
    /// What it carries.
    public var data: [UInt8]
    /// What the source wants to remember in the same transaction.
    public var stateChanges: [SourceStateChange]

    /// A message with these values.
    public init(
        id: String, source: String, reason: String, data: [UInt8], stateChanges: [SourceStateChange] = []
    ) {
        self.id = id
        self.source = source
        self.reason = reason
        self.data = data
        self.stateChanges = stateChanges
    }

    /// The event that records it, for nobody.
    func record(trigger: String, at time: Timestamp) -> IncomingEvent {
        var event = Event(id: id, source: source, type: Self.eventType, time: time)
        event.dataContentType = "application/octet-stream"
        event.data = Array(data.prefix(Self.mostBytes))
        event.extensions["size"] = .string("\(data.count)")
        return IncomingEvent(
            event, to: .nobody(trigger: trigger, reason: ReasonText.cut(reason)), stateChanges: stateChanges)
    }
}

/// What became of a message.
public enum Taken: Sendable, Hashable {
    /// Durable here, or done: acknowledge it.
    case taken
    /// Its work failed and nothing of it is kept here: give it back to its system, to be delivered again no sooner than that.
    case redeliver(after: Duration)
    /// It cannot be taken, now or later. That is recorded: reject it by its system's own means.
    case rejected(reason: String)
}

extension SourceContext {
    /// Takes messages through the intake, and answers for each what its source is to do with it.
    ///
    /// A message that the intake refuses for good is recorded for nobody, with the reason, and holds up no other. While the
    /// intake is full or the store fails, it is tried again; messages that must stay in order are taken by one call after the
    /// other. With direct delivery it returns when the handlers have ended, also if the task is cancelled meanwhile.
    /// - Throws: ``IntakeError`` if the node stops, or knows the trigger no more; `CancellationError`. Nothing was taken then.
    public func take(_ messages: [SourceMessage]) async throws -> [Taken] {
        guard !messages.isEmpty else { return [] }
        var rejections: [Int: String] = [:]
        var batch: [IncomingEvent] = []
        batch.reserveCapacity(messages.count)
        for (index, message) in messages.enumerated() {
            switch message {
            case .event(let event): batch.append(event)
            case .unreadable(let message):
                rejections[index] = message.reason
                batch.append(message.record(trigger: trigger, at: time.now))
            }
        }
        var failures = 0
        while true {
            do throws(IntakeError) {
                let answers = try await intake.accept(batch)
                if failures > 0 { health(.running) }
                return answers.enumerated().map { index, answer in
                    if let reason = rejections[index] { return .rejected(reason: reason) }
                    return answer.outcome == .redeliver ? .redeliver(after: answer.retryAfter ?? .zero) : .taken
                }
            } catch {
                if error.code == .full || error.code == .store {
                    failures += 1
                    try await waitAfter(error, failures)
                } else if let index = error.index, rejections[index] != nil, batch[index].event.data != nil {
                    // Not even the beginning of its data is taken: that it came is recorded.
                    batch[index].event.data = nil
                } else if let index = error.index, rejections[index] == nil {
                    let refused = batch[index]
                    rejections[index] = error.message
                    let message = UnreadableMessage(
                        id: refused.event.id, source: refused.event.source, reason: error.message,
                        data: refused.event.data ?? [], stateChanges: refused.stateChanges)
                    batch[index] = message.record(trigger: trigger, at: time.now)
                    logger.warning(
                        "a message cannot be taken and is rejected",
                        metadata: ["id": "\(refused.event.id)", "reason": "\(error.message)"])
                } else {
                    throw error
                }
            }
        }
    }

    private func waitAfter(_ error: IntakeError, _ failures: Int) async throws {
        // A full intake is no failure: that the source waits is what it asks for.
        if error.code == .store {
            health(.failing(error.message))
            if failures == 1 { logger.error("nothing can be taken; tried again", metadata: ["error": "\(error)"]) }
        }
        let longest: Duration = error.code == .full ? .milliseconds(200) : .seconds(5)
        try await time.sleep(for: min(longest, .milliseconds(10 << Int64(min(failures, 10)))))
    }
}
