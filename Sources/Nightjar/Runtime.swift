public import Logging
public import NightjarCore
public import ServiceLifecycle
import Synchronization

/// A node: takes events, decides, stores, runs, retries.
///
/// Hand it to a `ServiceGroup`, or call ``run()`` yourself. The intake, ``change(_:_:limit:)`` and the readers work before
/// and without `run()`, so that a program can put work into a store that another one does.
public final class Runtime: ManagedNode, Service {
    struct State {
        var triggers: [Trigger] = []
        /// How many reads of what is paused began, and which of them is in force.
        var pauseReads = 0
        var pausesAsOf = 0
        var isRunning = false
        /// What keeps the node from beginning, if it was told to run and does not yet.
        var delay: String? = "it waits for the store"
        var isStopping = false
        var hasStopped = false
    }

    public let id: NodeID
    public let time: any TimeSource
    let configuration: RuntimeConfiguration
    let resilient: ResilientStore
    let storeIntake: StoreIntake
    let dispatcher: Dispatcher
    let inHand: RunsInHand
    let settler: Settler
    let alarms: Alarms
    let direct: DirectRunner
    let sources: SourceKeeper
    let hub: UpdateHub
    let random: RandomSource
    let logger: Logger
    let state: Mutex<State>
    let progressSignal = Signal()
    let stopping = Signal()

    public var intake: any Intake { storeIntake }
    public var store: any RunStore { resilient }

    /// A node that does `jobs` when `triggers` say so.
    /// - Parameters:
    ///   - store: the durable home of events and runs.
    ///   - jobs: what the node can do.
    ///   - triggers: what starts it.
    ///   - configuration: how the node works.
    ///   - time: the system's clock, or a simulated one.
    ///   - random: where random numbers come from.
    ///   - logger: where the node logs to.
    /// - Throws: ``RuntimeError`` if a name is invalid or stands twice, or a trigger starts an unknown job.
    public init(
        store: any RunStore, jobs: [Job], triggers: [Trigger], configuration: RuntimeConfiguration = .init(),
        time: any TimeSource = SystemTimeSource(), random: RandomSource = RandomSource(),
        logger: Logger = Logger(label: "nightjar")
    ) throws(RuntimeError) {
        try Self.check(jobs: jobs, triggers: triggers)
        var logger = logger
        logger[metadataKey: "node"] = "\(configuration.node)"
        let resilient = ResilientStore(store, time: time, random: random, logger: logger)
        let alarms = Alarms(time: time)
        let inHand = RunsInHand()
        let hub = UpdateHub()
        let dispatcher = Dispatcher(
            configuration: configuration, store: resilient, time: time, alarms: alarms, inHand: inHand, logger: logger)
        let news = RunNews(hub: hub, dispatcher: dispatcher, inHand: inHand, time: time, logger: logger)
        let intake = StoreIntake(
            store: resilient, time: time,
            planner: IntakePlanner(
                jobs: Self.policies(jobs), triggers: triggers, inputBytes: configuration.maximumEventBytes),
            limits: .init(
                eventBytes: configuration.maximumEventBytes, eventsInFlight: configuration.maximumEventsInFlight,
                bytesInFlight: configuration.maximumBytesInFlight),
            random: random,
            listener: .init(
                expecting: { dispatcher.expect($0) }, made: { news.made($0, at: $1) },
                joined: { dispatcher.hint($0) }))
        settler = Settler(
            store: resilient, time: time, logger: logger,
            onSettled: { settlements, results in
                news.settled(settlements, results)
                for (settlement, result) in zip(settlements, results) {
                    if case .settled(_, let emitted) = result { intake.announce(settlement.emitted, emitted) }
                }
            },
            onAbandoned: { news.abandoned($0) })
        let direct = DirectRunner(
            node: configuration.node, concurrency: configuration.concurrency, time: time, random: random,
            alarms: alarms, intake: intake, limits: configuration.emissionLimits, logger: logger)
        sources = SourceKeeper(
            store: resilient, intake: intake, direct: direct, time: time, random: random, logger: logger)
        self.direct = direct
        id = configuration.node
        self.time = time
        self.configuration = configuration
        self.resilient = resilient
        self.alarms = alarms
        self.inHand = inHand
        self.hub = hub
        self.dispatcher = dispatcher
        storeIntake = intake
        self.random = random
        self.logger = logger
        state = Mutex(State(triggers: triggers))
        dispatcher.configure(jobs)
        direct.configure(jobs, triggers)
        sources.configure(triggers)
    }

    private static func policies(_ jobs: [Job]) -> [String: JobPolicy] {
        Dictionary(jobs.map { ($0.name, $0.policy) }) { first, _ in first }
    }

    /// Does other jobs for other triggers from now on. What runs goes on; sources whose settings are the same are not
    /// restarted.
    /// - Throws: ``RuntimeError``; then everything stays as it was.
    public func reload(jobs: [Job], triggers: [Trigger]) throws(RuntimeError) {
        try Self.check(jobs: jobs, triggers: triggers)
        state.withLock { $0.triggers = triggers }
        storeIntake.use(
            IntakePlanner(
                jobs: Self.policies(jobs), triggers: triggers, inputBytes: configuration.maximumEventBytes))
        dispatcher.configure(jobs)
        direct.configure(jobs, triggers)
        sources.configure(triggers)
    }

    private static func check(jobs: [Job], triggers: [Trigger]) throws(RuntimeError) {
        var names: Set<String> = []
        for job in jobs {
            guard Job.isValidName(job.name) else { throw .invalidName("job", job.name) }
            guard names.insert(job.name).inserted else { throw .duplicateName("job", job.name) }
            if let contradiction = job.policy.contradiction {
                throw RuntimeError(.contradiction, "job \"\(job.name)\" \(contradiction)")
            }
        }
        var triggerNames: Set<String> = []
        for trigger in triggers {
            guard Job.isValidName(trigger.name) else { throw .invalidName("trigger", trigger.name) }
            guard triggerNames.insert(trigger.name).inserted else { throw .duplicateName("trigger", trigger.name) }
            if let contradiction = trigger.contradiction(policies(jobs)) {
                throw RuntimeError(.contradiction, "trigger \"\(trigger.name)\" \(contradiction)")
            }
            for job in trigger.jobs where !names.contains(job) {
                throw RuntimeError(
                    .unknownJob, "trigger \"\(trigger.name)\" starts the job \"\(job)\", which does not exist")
            }
        }
    }
}

/// Why a runtime cannot work with what it was given.
public struct RuntimeError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of mistake it is.
    public enum Code: Sendable, Hashable {
        /// A name has characters that names may not have.
        case invalidName
        /// A name stands twice.
        case duplicateName
        /// A trigger starts a job that does not exist.
        case unknownJob
        /// A job's policy, or a trigger with it, says what cannot be together.
        case contradiction
        /// The runtime runs already, or has run.
        case alreadyRun
        /// Another node works under the same name.
        case nameTaken
        /// A trigger's settings cannot be used.
        case invalidTrigger
    }

    /// What kind of mistake it is.
    public var code: Code
    /// What is wrong and what was expected, for people.
    public var message: String

    /// An error with these values.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }

    static func invalidName(_ kind: String, _ name: String) -> RuntimeError {
        RuntimeError(
            .invalidName,
            "\"\(name)\" cannot name a \(kind): expected 1 to 128 letters, digits, '-', '_' and '.', beginning with a letter or digit"
        )
    }

    static func duplicateName(_ kind: String, _ name: String) -> RuntimeError {
        RuntimeError(.duplicateName, "two \(kind)s have the name \"\(name)\"")
    }
}
