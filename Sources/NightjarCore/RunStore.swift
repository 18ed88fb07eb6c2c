public import CloudEvents

/// The durable home of events and runs.
///
/// Contract, checked by the conformance suite in `NightjarTestKit`:
/// - Every method that writes returns only when its effect is durable, and writes all of its batch or, when it throws,
///   nothing of it.
/// - Methods may be called concurrently from any number of tasks and, where the store can be shared, nodes.
/// - What the present time is, the caller says; a store has no clock.
/// - Errors are ``StoreError``, whose code tells the caller whether to try again.
///
/// To implement it, keep to the transitions that `docs/state-machine.md` draws, and compare the lease's token in every
/// settle and renewal: a stale one changes nothing.
public protocol RunStore: Sendable {
    /// Records events and makes their runs, drops duplicates, and advances sources' states, in one transaction.
    ///
    /// An event whose source and id are known is a duplicate: it makes a run only for those of its jobs that have none
    /// of it yet. The answers are in the order of `batch`.
    ///
    /// Each run of a record is looked at in turn: one whose event joined a run of the job before, or was refused for the sake
    /// of another run, is answered with that; then come its ``NewRun/unique`` claim, the run that it may join
    /// (``NewRun/collect``), and its ``NewRun/dropsBeyond``. Why it is not made is kept with the event.
    func accept(_ batch: [IntakeRecord]) async throws(StoreError) -> [Acceptance]

    /// Makes runs whose time has come available and unstarted ones that expired dead, then leases available ones to a node:
    /// for each job in the order given, up to its limit, its rate and the slots that are left.
    ///
    /// Runs go by their rank, then in the order of acceptance; see ``RunRank``. Where the demand says how keys are treated,
    /// the job's keys take turns with one run each, first the key that was served longest ago (a new key counts from its
    /// first run), until none has one more; the runs without a key take turns as if they had one in common. Of an ordered
    /// key only the first of its unfinished runs may start, in the order of acceptance. A dead run that stops its key stops
    /// the runs that were accepted after it; those before it still go, in the order of acceptance. Keys are the same if
    /// their bytes are.
    ///
    /// Of runs that are suspected of killing their nodes (``RunHistory/isSuspect``) a node has at most one in hand. It is
    /// taken before the others of its job: the first by rank that may start.
    ///
    /// A demand without a limit above zero is passed over, and one for a paused job. Runs of paused triggers and keys stay
    /// where they are. A pause holds from the transaction that made it on.
    func claim(_ request: ClaimRequest) async throws(StoreError) -> ClaimResult

    /// Prolongs leases. One that has expired is prolonged too, as long as nobody took its run back; one that is stale is
    /// `lost`. Answers in the order of `leases`.
    func renew(_ leases: [Lease], until expiry: Timestamp, now: Timestamp) async throws(StoreError) -> [LeaseRenewal]

    /// Records the newest progress of running runs; a stale lease changes nothing.
    func report(_ progress: [(lease: Lease, progress: Progress)]) async throws(StoreError)

    /// Ends attempts: writes history, moves the runs, and takes the events that completed runs emitted, all in one
    /// transaction. Answers in the order of `settlements`; a stale lease changes nothing and is told `leaseLost`.
    func settle(_ settlements: [Settlement]) async throws(StoreError) -> [SettleResult]

    /// The leases of the runs that a node has in hand and that someone asked to cancel, in the order of the runs' ids.
    func cancelRequests(node: NodeID) async throws(StoreError) -> [Lease]

    /// Running runs whose lease has expired at `now`, or whose node is known to be dead; at most `limit`.
    func expired(now: Timestamp, limit: Int) async throws(StoreError) -> [ExpiredRun]

    /// Does what a person asked for to the runs selected, at most `limit` of them, oldest first. Of a filter's runs it may
    /// do fewer, since they may move on meanwhile, but none only when none is left: whoever goes on after the last run that
    /// was answered comes to an end, and has visited each once.
    func change(_ command: RunCommand, _ selection: RunSelection, now: Timestamp, limit: Int)
        async throws(StoreError) -> [RunChange]

    /// Does what ``RunCommand/retry`` does to a run, and gives it another input, a JSON text, in the same transaction.
    func retry(_ id: RunID, input: [UInt8], now: Timestamp) async throws(StoreError) -> RunChange

    /// One run, with its whole history.
    func run(_ id: RunID) async throws(StoreError) -> Run?

    /// What stands in the way of a run that waits.
    func circumstances(of run: RunID) async throws(StoreError) -> RunCircumstances?

    /// Runs that fit a query, newest first, without their outputs, results and event data.
    func runs(_ query: RunQuery) async throws(StoreError) -> RunPage

    /// How many runs fit.
    func count(_ filter: RunFilter) async throws(StoreError) -> Int

    /// The events of that id, from every source or from one, newest first.
    func events(id: String, source: String?) async throws(StoreError) -> [EventRecord]

    /// Events in the order of acceptance: those after `sequence`, or the last `limit` ones if it is `nil`.
    func events(after sequence: Int64?, limit: Int) async throws(StoreError) -> [EventRecord]

    /// Events that fit a query, in the order of acceptance; none only if none is left.
    func events(_ query: EventQuery) async throws(StoreError) -> [EventRecord]

    /// How many runs of each job are in each state that is not completed or cancelled.
    func counts() async throws(StoreError) -> [String: [RunState: Int]]

    /// What a trigger's source last recorded of itself.
    func sourceState(trigger: String) async throws(StoreError) -> [String: [UInt8]]

    /// What is paused.
    func pauses() async throws(StoreError) -> Set<Pause>

    /// Pauses or resumes something; kept over restarts. That jobs and triggers are paused is for their nodes to heed, which
    /// do not ask for them; a claim itself heeds paused keys.
    func setPaused(_ pause: Pause, _ isPaused: Bool, now: Timestamp) async throws(StoreError)

    /// Removes up to `limit` completed and cancelled runs that finished before `runsBefore` and whose events were accepted
    /// before `eventsBefore` (an event that is still known makes no second run), each event with the last of its runs; and
    /// as many of such events that never had a run. Events that joined a run go with it, too; when `limit` of them went, no
    /// further run goes. What is kept of keys without unfinished runs, as the state of their rates, goes too, at most `limit`
    /// keys, once it means nothing any more.
    /// - Returns: how many rows it removed; 0 when nothing is left to remove.
    func prune(runsBefore: Timestamp, eventsBefore: Timestamp, limit: Int) async throws(StoreError) -> Int

    /// Removes up to `limit` of the events that have no run, the oldest first, as long as there are more than `keeping`.
    /// - Returns: how many it removed; 0 when nothing is left to remove.
    func pruneUnmatched(keeping: Int, limit: Int) async throws(StoreError) -> Int

    /// Yields whenever another process or node may have written to the store. Ends when the store is closed.
    func externalChanges() -> AsyncStream<Void>
}

/// An error of a store. It answers one question: what is the caller to do?
public struct StoreError: Error, Sendable, CustomStringConvertible {
    /// What the caller is to do.
    public enum Code: Sendable, Hashable {
        /// Try again: the store was busy, or could not be reached.
        case transient
        /// The request contradicts what is stored.
        case conflict
        /// Trying again does not help: the file is corrupt, the disk is full, the schema is unknown.
        case permanent
    }

    /// What the caller is to do.
    public var code: Code
    /// What went wrong, for people.
    public var message: String
    /// What caused it.
    public var underlying: (any Error)?

    /// An error with these values.
    public init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    /// The message.
    public var description: String { message }
}
