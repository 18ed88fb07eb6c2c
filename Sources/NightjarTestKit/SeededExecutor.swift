import Synchronization

/// Runs the jobs of tasks one at a time, in an order that the seed alone decides: a seed is a schedule.
public final class SeededExecutor: TaskExecutor {
    private struct Pending {
        var job: UnownedJob
        /// The executor that the job was given to: this one or a branch of it.
        var executor: UnownedTaskExecutor
    }

    private struct State {
        var generator: SeededGenerator
        var pending: [Pending] = []
    }

    private let state: Mutex<State>

    /// An executor whose schedule depends on `seed`.
    public init(seed: UInt64) {
        state = Mutex(State(generator: SeededGenerator(seed: seed)))
    }

    /// Notes a job that can go on.
    public func enqueue(_ job: consuming ExecutorJob) {
        enqueue(UnownedJob(job), for: asUnownedTaskExecutor())
    }

    fileprivate func enqueue(_ job: UnownedJob, for executor: UnownedTaskExecutor) {
        state.withLock { $0.pending.append(Pending(job: job, executor: executor)) }
    }

    /// Runs one of the pending jobs on the calling thread; `false` if there is none.
    public func runOne() -> Bool {
        let next = state.withLock { state -> Pending? in
            guard !state.pending.isEmpty else { return nil }
            let index = Int(state.generator.next() % UInt64(state.pending.count))
            state.pending.swapAt(index, state.pending.count - 1)
            return state.pending.removeLast()
        }
        guard let next else { return false }
        next.job.runSynchronously(on: next.executor)
        return true
    }
}

/// A part of a simulated program that can stand still while the rest goes on, as a process that is stopped and continued.
///
/// Its tasks have it as their preferred executor (`withTaskExecutorPreference`); their jobs run in the order that the seed
/// of the executor decides which it is a branch of.
public final class SeededBranch: TaskExecutor {
    private struct State {
        var isStopped = false
        var held: [UnownedJob] = []
    }

    private let trunk: SeededExecutor
    private let state = Mutex(State())

    /// A branch of `trunk`.
    public init(of trunk: SeededExecutor) {
        self.trunk = trunk
    }

    /// Notes a job that can go on, once the branch does.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        let goesOn = state.withLock { state in
            if state.isStopped { state.held.append(job) }
            return !state.isStopped
        }
        if goesOn { trunk.enqueue(job, for: asUnownedTaskExecutor()) }
    }

    /// Lets no job begin from now on that was not waiting for its turn already.
    public func stop() { state.withLock { $0.isStopped = true } }

    /// Goes on.
    public func go() {
        let held = state.withLock { state in
            defer { state = State() }
            return state.held
        }
        for job in held { trunk.enqueue(job, for: asUnownedTaskExecutor()) }
    }
}

/// Runs a program of tasks on a seeded executor and a simulated clock: no threads, no waiting, and the same every time.
public struct Simulation: Sendable {
    /// Why a simulation could not be carried to its end.
    public enum Failure: Error, Sendable, CustomStringConvertible {
        /// Nothing can run and nobody sleeps, but the program has not ended.
        case deadlock(seed: UInt64, steps: Int)
        /// The program did not end within the steps allowed.
        case tooManySteps(seed: UInt64, steps: Int)

        /// What happened, with the seed that makes it happen again.
        public var description: String {
            switch self {
            case .deadlock(let seed, let steps):
                "seed \(seed): after \(steps) steps nothing can run and nobody sleeps, but the program has not ended"
            case .tooManySteps(let seed, let steps): "seed \(seed): the program has not ended after \(steps) steps"
            }
        }
    }

    /// The seed that decides the schedule.
    public let seed: UInt64
    /// The clock that the program goes by; it moves on whenever nothing can run.
    public let clock: SimulatedClock
    /// Runs the program's tasks.
    public let executor: SeededExecutor
    /// How many steps the program may take.
    public var maximumSteps = 5_000_000

    /// A simulation with that seed.
    public init(seed: UInt64, clock: SimulatedClock = SimulatedClock()) {
        self.seed = seed
        self.clock = clock
        executor = SeededExecutor(seed: seed)
    }

    /// Runs `body` to its end.
    /// - Parameters:
    ///   - afterEachStep: called after every step of any task: the place to check what must always hold.
    ///   - body: the program. It must await nothing but its own tasks and the clock.
    public func run<Value: Sendable>(
        afterEachStep check: () throws -> Void = {}, _ body: @escaping @Sendable () async throws -> Value
    ) throws -> Value {
        let outcome = Outcome<Value>()
        let task = Task(executorPreference: executor) {
            do { outcome.set(.success(try await body())) } catch { outcome.set(.failure(error)) }
        }
        var steps = 0
        while true {
            while executor.runOne() {
                steps += 1
                try check()
                if steps > maximumSteps {
                    task.cancel()
                    throw Failure.tooManySteps(seed: seed, steps: steps)
                }
            }
            if let result = outcome.get() { return try result.get() }
            guard clock.advanceToNextDeadline() else { throw Failure.deadlock(seed: seed, steps: steps) }
        }
    }
}

private final class Outcome<Value: Sendable>: Sendable {
    private let result = Mutex<Result<Value, any Error>?>(nil)

    func set(_ value: Result<Value, any Error>) { result.withLock { $0 = value } }

    func get() -> Result<Value, any Error>? { result.withLock { $0 } }
}
