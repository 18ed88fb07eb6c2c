import CLibrdkafka
import EventThreads
import Logging
import NightjarCore
import Synchronization

/// A member of a consumer group, on a thread of its own that librdkafka wakes through a pipe.
///
/// Events of the group come by one queue, which is always served: so a long handler causes no rebalance. Messages come by
/// another one, from which is only taken what the window has room for; librdkafka reads ahead a bounded amount and then stops
/// fetching. What is to be done elsewhere (to take messages, to find out where partitions begin) is told by ``next()``.
actor KafkaConsumer {
    /// What is to be done.
    enum Step: Sendable {
        /// Take these messages, and call ``answered(_:)``.
        case take(KafkaBatch)
        /// Find out where these partitions begin, and call ``begin(_:known:look:)``.
        case begin([PartitionID], look: Int)
        /// Find out where a partition goes on whose messages are not where they were, and call ``goOn(_:at:)``.
        case find(PartitionOffset, assignment: Int)
        /// Find out which topics are there, and call ``found(topics:)``.
        case look
        /// Find out when a broker answers, and call ``brokerAnswered()``.
        case probe
    }

    /// What it is looked for that partitions begin, or that one goes on.
    enum Search: Sendable {
        /// A look for where they begin, by its number.
        case look(Int)
        /// The assignment that is to go on, by its number.
        case assignment(Int)
    }

    enum Phase {
        case running
        /// Takes nothing more, and waits for answers.
        case draining
        /// Waits for the last commit.
        case committing
        /// Leaves the group.
        case leaving
        case left
    }

    nonisolated let handle: KafkaHandle
    nonisolated let options: KafkaOptions
    nonisolated let context: SourceContext
    private nonisolated let thread: ThreadExecutor
    private nonisolated let pipe: EventPipe
    private nonisolated let isStopped = Atomic<Bool>(false)
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    /// Rebalances, errors, results of commits.
    let control: OpaquePointer
    /// Messages, and errors of partitions.
    let fetched: OpaquePointer

    var phase = Phase.running
    /// Why it ended by itself.
    private(set) var failure: KafkaError?
    var health = ConsumerHealth()
    /// The partitions that the library was told to read.
    var read: Set<PartitionID> = []
    var assignments: [PartitionID: Assignment] = [:]
    var numbered: [Int: Assignment] = [:]
    var lastNumber = 0
    var routes = MessageRoutes()
    var revocation: Revocation?
    /// Partitions that the group gave, and of which it is not known yet where they begin.
    var unassigned: [PartitionID]?
    /// The number of the last look for where they begin: what an earlier one finds is not wanted any more.
    var lastLook = 0
    /// Where partitions go on, by the numbers of their assignments, once the group's changes are over.
    var postponed: [Int: Int64] = [:]
    var isCommitting = false
    /// Whether the last commit failed, and may work if it is tried again.
    var isCommitFailed = false
    /// Whether the commit that follows the last answer has begun.
    var hasBegunLastCommit = false
    /// When the last one began, in ticks.
    var lastCommit = 0
    var window: FlowWindow
    var handover = Handover()
    var batchesInHand = 0
    /// When the present phase is to be over, in ticks.
    var phaseEnds = 0
    private(set) var ticks = 0

    private var steps: [Step] = []
    private var isProbing = false
    private var waiting: CheckedContinuation<[Step], Never>?

    /// Makes the client; ``open()`` lets it join the group.
    /// - Throws: ``KafkaError`` if librdkafka doesn't take the options.
    init(_ options: KafkaOptions, _ context: SourceContext) throws {
        self.options = options
        self.context = context
        let events = RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_OFFSET_COMMIT | RD_KAFKA_EVENT_LOG
        pipe = try EventPipe()
        thread = try ThreadExecutor(name: "kafka-\(context.trigger)")
        let handle = try KafkaHandle(.consumer, options.consumerProperties(), events: events)
        self.handle = handle
        rd_kafka_poll_set_consumer(handle.pointer)
        guard let control = rd_kafka_queue_get_consumer(handle.pointer),
            let fetched = rd_kafka_queue_new(handle.pointer)
        else {
            thread.stop()
            throw KafkaError(.other, "librdkafka has no queue for the consumer")
        }
        self.control = control
        self.fetched = fetched
        window = FlowWindow(messages: options.windowMessages, bytes: options.windowBytes)
    }

    /// Joins the group.
    func open() throws(KafkaError) {
        var byte: UInt8 = 1
        for queue in [control, fetched] { rd_kafka_queue_io_event_enable(queue, pipe.writing, &byte, 1) }
        // Called by the thread, which is where this actor's work is done. `close` undoes it.
        thread.watch(pipe.reading, for: .read) { self.wokenUp() }
        scheduleTick()
        let topics = options.topics.map {
            PartitionOffset(partition: PartitionID(topic: $0, number: -1), offset: PartitionOffset.invalid)
        }
        let code = topics.withList { rd_kafka_subscribe(handle.pointer, $0) } ?? RD_KAFKA_RESP_ERR__FAIL
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw KafkaError(code, "the topics \(options.topics.joined(separator: ", ")) can't be subscribed to")
        }
    }

    /// From any thread: takes nothing more, waits for the answers of what is in hand, commits, and leaves the group.
    nonisolated func stop() {
        isStopped.store(true, ordering: .releasing)
        pipe.wake()
    }

    /// What is to be done next, several things at once if there are; empty once the group was left.
    func next() async -> [Step] {
        let steps = readySteps()
        if !steps.isEmpty || phase == .left { return steps }
        return await withCheckedContinuation { waiting = $0 }
    }

    /// Frees what it has, after ``next()`` has answered nothing, or without a call of ``open()``.
    func close() async {
        thread.watch(-1, for: []) {}
        thread.wake(at: nil)
        for queue in [fetched, control] {
            rd_kafka_queue_io_event_enable(queue, -1, nil, 0)
            KafkaHandle.empty(queue)
            rd_kafka_queue_destroy(queue)
        }
        if await !handle.destroy() { context.logger.warning("Kafka: the client does not end; its threads stay behind") }
        thread.stop()
    }

    /// Ends it, as it is of no use any more.
    func fail(_ error: KafkaError) {
        guard failure == nil else { return }
        failure = error
        beginToStop()
    }

    func add(_ step: Step) {
        if case .probe = step {
            guard !isProbing else { return }
            isProbing = true
        }
        steps.append(step)
    }

    /// These partitions can't begin, or go on, for this reason.
    /// - Returns: whether that is still wanted.
    func cannotBegin(_ partitions: [PartitionID], _ search: Search, _ error: any Error) -> Bool {
        let isWanted =
            switch search {
            case .look(let number): unassigned != nil && number == lastLook
            case .assignment(let number): numbered[number]?.isLeaving == false
            }
        guard isWanted else { return false }
        let names = partitions.map(\.description).sorted().joined(separator: ", ")
        tell(health.failed(.beginning(Set(partitions)), "it is not known where to go on in \(names): \(error)"))
        return true
    }

    /// A broker answers again.
    func brokerAnswered() {
        isProbing = false
        tell(health.answered())
    }

    /// Topics that are there.
    func found(topics: Set<String>) { tell(health.found(topics: topics)) }

    func tell(_ news: ConsumerHealth.News?) {
        guard let news else { return }
        if let failure = news.failure {
            context.logger.error("Kafka: \(failure)", metadata: ["group": "\(options.group)"])
        }
        if news.recovered {
            context.logger.notice("Kafka: messages come again", metadata: ["group": "\(options.group)"])
        }
        if news.reconnected { context.measure(.reconnected) }
        context.health(news.health)
    }

    // MARK: On the thread

    private func wokenUp() {
        pipe.drain()
        serve()
    }

    /// Looks after everything, and wakes who waits in ``next()``.
    func serve() {
        while let event = rd_kafka_queue_poll(control, 0) {
            handle(event)
            rd_kafka_event_destroy(event)
        }
        if isStopped.load(ordering: .acquiring) { beginToStop() }
        goOnRevoking()
        goOnPostponed()
        goOnStopping()
        advance()
    }

    private func advance() {
        guard waiting != nil else { return }
        let steps = readySteps()
        guard !steps.isEmpty || phase == .left else { return }
        waiting?.resume(returning: steps)
        waiting = nil
    }

    private func readySteps() -> [Step] {
        guard phase == .running, !isStopped.load(ordering: .acquiring) else { return [] }
        var ready = steps
        steps = []
        // Several batches for one change of threads.
        while ready.count < Self.mostSteps, let batch = gather() { ready.append(.take(batch)) }
        return ready
    }

    private static let mostSteps = 8

    private func scheduleTick() {
        thread.wake(at: .now + .seconds(1)) {
            self.ticks += 1
            self.tick()
            self.scheduleTick()
        }
    }
}
