import CloudEvents
import Logging
import NightjarCore
import Synchronization

/// Receives from one queue that was found.
final class SQSConsumer: Sendable {
    /// A message in hand.
    struct InHand: Sendable {
        var number: HeldMessages.Number
        var message: SQSModel.Message
        var deliveries: Int { message.Attributes?["ApproximateReceiveCount"].flatMap { Int($0) } ?? 1 }
    }

    private static let depthInterval = Duration.seconds(15)
    /// Between requests that have nothing to wait for.
    private static let idlePause = Duration.seconds(1)

    let context: SourceContext
    let client: SQSClient
    let url: String
    let options: SQSOptions
    let settler: MessageSettler
    private let isFIFO: Bool
    private let reader: MessageReader
    private let link: LinkState
    private let permits: Permits
    private let properties: Mutex<QueueProperties>
    private let bell: Bell
    private let receivers: Mutex<Int>
    /// Ends with what the intake threw.
    private let refusals: AsyncThrowingStream<Never, any Error>
    private let refusal: AsyncThrowingStream<Never, any Error>.Continuation

    init(
        _ context: SourceContext, client: SQSClient, url: String, options: SQSOptions, isFIFO: Bool,
        properties: QueueProperties, link: LinkState
    ) {
        self.context = context
        self.client = client
        self.url = url
        self.options = options
        self.isFIFO = isFIFO
        self.link = link
        self.properties = Mutex(properties)
        settler = MessageSettler(client: client, url: url, time: context.time, logger: context.logger)
        reader = MessageReader(source: url, unwrap: options.unwrap)
        permits = Permits(options.inFlight)
        bell = Bell(on: client.service.exchange.loop)
        receivers = Mutex(options.receivers)
        (refusals, refusal) = AsyncThrowingStream.makeStream()
    }

    private var visibility: Duration { properties.withLock { $0.visibility(options) } }

    /// Receives until the task is cancelled, and waits for the answers to what was handed over.
    /// - Throws: what the intake threw when it took nothing.
    func run() async throws {
        measureDepth()
        try await withThrowingDiscardingTaskGroup { group in
            // Ends all others when the intake takes nothing more.
            group.addTask { for try await _ in self.refusals {} }
            group.addTask { await self.watchDepth() }
            group.addTask { await self.keepHidden() }
            for _ in 0..<options.receivers {
                group.addTask {
                    await self.receive()
                    self.receiverEnded()
                }
            }
        }
    }

    private func receiverEnded() {
        receivers.withLock { $0 -= 1 }
        bell.ring()
    }

    /// Hides messages in hand for longer, as long as anybody has some: also when the node stops, until handlers have ended.
    private func keepHidden() async {
        while receivers.withLock({ $0 > 0 }) {
            let visibility = visibility
            await bell.wait(for: visibility / 6)
            await settler.hideLonger(visibility)
        }
    }

    private func watchDepth() async {
        while true {
            do {
                try await context.time.sleep(for: Self.depthInterval)
                let found = QueueProperties(try await client.attributes(of: url))
                properties.withLock { $0 = found }
                measureDepth()
            } catch {
                // What is wrong with the queue, the receivers say.
                if Task.isCancelled { return }
            }
        }
    }

    private func measureDepth() {
        if let waiting = properties.withLock({ $0.waiting }) { context.measure(.waiting(waiting)) }
    }

    private func receive() async {
        await withDiscardingTaskGroup { takes in
            var failures = 0
            var isProbing = true
            while let room = try? await permits.take(upTo: options.batch) {
                do {
                    let started = context.time.elapsed
                    // Whether it works at all is known at once, and not only after a long poll.
                    let messages = try await client.receive(
                        from: url, most: room, wait: isProbing ? .zero : options.wait,
                        visibility: visibility.components.seconds)
                    permits.give(room - messages.count)
                    link.works()
                    failures = 0
                    try await work(on: messages, &takes)
                    let isIdle = messages.isEmpty && !isProbing && context.time.elapsed - started < .milliseconds(500)
                    isProbing = false
                    // An empty queue must not be asked without a pause, whatever the server makes of the wait.
                    if isIdle { try await context.time.sleep(for: Self.idlePause) }
                } catch let error as AWSError {
                    permits.give(room)
                    failures += 1
                    isProbing = true
                    link.fails(error)
                    try? await context.time.sleep(for: error.wait(afterFailure: failures))
                } catch {
                    // The task was cancelled; what is in hand is worked on to its end.
                    return
                }
            }
        }
    }

    private func work(
        on messages: [SQSModel.Message], _ takes: inout DiscardingTaskGroup
    ) async throws(CancellationError) {
        let inHand = messages.map { InHand(number: settler.hold($0.ReceiptHandle), message: $0) }
        if Task.isCancelled {
            await settler.giveBack(inHand.map(\.number))
            throw CancellationError()
        }
        for unit in units(inHand) {
            takes.addTask {
                await self.work(on: unit)
                self.permits.give(unit.count)
            }
        }
    }

    /// What is worked on side by side: each message, or, in a FIFO queue, the messages of each group.
    private func units(_ messages: [InHand]) -> [[InHand]] {
        guard isFIFO else { return messages.map { [$0] } }
        var units: [[InHand]] = []
        var places: [String?: Int] = [:]
        for message in messages {
            let group = message.message.Attributes?["MessageGroupId"]
            if let place = places[group] {
                units[place].append(message)
            } else {
                places[group] = units.count
                units.append([message])
            }
        }
        return units
    }

    private func work(on unit: [InHand]) async {
        await withDiscardingTaskGroup { settling in
            for (index, message) in unit.enumerated() {
                let behind = unit[(index + 1)...].map(\.number)
                let answer: Taken
                do {
                    answer = try await take(message)
                } catch {
                    await settler.giveBack([message.number] + behind)
                    // A node that stops is no failure.
                    if !Task.isCancelled { refusal.finish(throwing: error) }
                    return
                }
                switch answer {
                case .taken: settling.addTask { await self.settler.delete(message.number) }
                case .rejected: settling.addTask { await self.reject(message) }
                case .redeliver(let wait):
                    // In this order, so that the group stays closed behind it.
                    await settler.giveBack([message.number], after: wait)
                    await settler.giveBack(behind)
                    return
                }
            }
        }
    }

    private func take(_ inHand: InHand) async throws -> Taken {
        let message = inHand.message
        switch reader.read(message) {
        case .passedOver(let reason):
            context.logger.info(
                "a message is passed over", metadata: ["id": "\(message.MessageId)", "reason": "\(reason)"])
            return .taken
        case .unreadable(let reason):
            let unreadable = UnreadableMessage(
                id: message.MessageId, source: url, reason: reason, data: Array((message.Body ?? "").utf8))
            return try await context.take([.unreadable(unreadable)]).first ?? .taken
        case .events(let events):
            let redelivery = Redelivery(
                deliveries: inHand.deliveries, longestWait: HeldMessages.longest - .seconds(3600))
            let order = isFIFO ? message.Attributes?["MessageGroupId"].map { Array($0.utf8) } : nil
            let incoming = events.map { event in
                SourceMessage.event(
                    IncomingEvent(event, to: .trigger(context.trigger), redelivery: redelivery, order: order))
            }
            return Self.together(try await context.take(incoming))
        }
    }

    /// What becomes of a message that is several events: if one of them is to come again, all do.
    static func together(_ answers: [Taken]) -> Taken {
        var longest: Duration?
        for case .redeliver(let wait) in answers { longest = max(longest ?? .zero, wait) }
        if let longest { return .redeliver(after: longest) }
        return answers.allSatisfy { if case .rejected = $0 { true } else { false } } ? answers.first ?? .taken : .taken
    }

    private func reject(_ message: InHand) async {
        let isRedriven =
            switch options.rejected {
            case .automatic: properties.withLock { $0.hasRedrivePolicy }
            case .redrive: true
            case .delete: false
            }
        guard isRedriven else { return await settler.delete(message.number) }
        // A policy that is patient must not make it come back all the time.
        let wait: Duration = message.deliveries < 10 ? .zero : .seconds(min(message.deliveries, 60))
        await settler.giveBack([message.number], after: wait)
    }
}
