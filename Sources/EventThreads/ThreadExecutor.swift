import Foundation
import Synchronization

/// A thread of its own, as the executor of an actor that owns a C handle: everything the actor does happens there. While the
/// actor has nothing to do, the thread waits for a file descriptor and a time.
///
/// ```swift
/// actor Connection {
///     private let thread = ThreadExecutor(name: "connection")
///     nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }
/// }
/// ```
/// The thread ends, once it has nothing to do, after ``stop()``; it keeps its executor alive until then.
public final class ThreadExecutor: SerialExecutor {
    /// What a descriptor is waited for.
    public struct Readiness: OptionSet, Sendable {
        public let rawValue: Int16
        public init(rawValue: Int16) { self.rawValue = rawValue }
        /// Something can be read, or the other side has gone.
        public static let read = Readiness(rawValue: Int16(POLLIN))
        /// Something can be written.
        public static let write = Readiness(rawValue: Int16(POLLOUT))
    }

    private struct State {
        var jobs: [Work] = []
        /// The thread itself, once it runs.
        var thread: pthread_t?
        var isWoken = false
        var isStopped = false
        var hasEnded = false
    }

    private enum Work {
        case job(UnownedJob)
        case body(@Sendable () -> Void)

        func run(on executor: UnownedSerialExecutor) {
            switch self {
            case .job(let job): job.runSynchronously(on: executor)
            case .body(let body): body()
            }
        }
    }

    /// What becomes of a job that was enqueued.
    private enum Next { case leave, wake, runElsewhere }

    /// What only the thread itself touches.
    private final class Watch {
        var descriptor: Int32 = -1
        var readiness: Readiness = []
        var onReady: () -> Void = {}
        var deadline: ContinuousClock.Instant?
        var onDeadline: () -> Void = {}
    }

    private let state = Mutex(State())
    /// Does what comes after the thread has ended.
    private let afterwards = DispatchQueue(label: "ThreadExecutor")
    private let pipe: (read: Int32, write: Int32)
    nonisolated(unsafe) private let watch = Watch()

    /// Starts the thread.
    /// - Throws: `POSIXError` if no descriptors are left.
    public init(name: String) throws {
        var ends: [Int32] = [-1, -1]
        guard Foundation.pipe(&ends) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EMFILE) }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        pipe = (ends[0], ends[1])
        let thread = Thread { self.loop() }
        thread.name = name
        thread.start()
    }

    deinit {
        close(pipe.read)
        close(pipe.write)
    }

    /// Writing a byte to this descriptor makes the thread look at once; for libraries that wake whoever waits so.
    public var wakeDescriptor: Int32 { pipe.write }

    public func enqueue(_ job: consuming ExecutorJob) { enqueue(.job(UnownedJob(job))) }

    /// Calls `body` on the thread, after what was enqueued before; the caller does not wait. An actor of this executor may
    /// assume its isolation there.
    public func perform(_ body: @escaping @Sendable () -> Void) { enqueue(.body(body)) }

    /// Traps unless the caller is on the thread, or does what comes after its end.
    public func checkIsolated() {
        if let thread = state.withLock({ $0.thread }), pthread_equal(thread, pthread_self()) != 0 { return }
        dispatchPrecondition(condition: .onQueue(afterwards))
    }

    private func enqueue(_ job: Work) {
        let next = state.withLock { state -> Next in
            if state.hasEnded { return .runElsewhere }
            state.jobs.append(job)
            defer { state.isWoken = true }
            return state.isWoken ? .leave : .wake
        }
        switch next {
        case .leave: break
        case .wake: wake()
        case .runElsewhere: afterwards.async { job.run(on: self.asUnownedSerialExecutor()) }
        }
    }

    public func asUnownedSerialExecutor() -> UnownedSerialExecutor { UnownedSerialExecutor(ordinary: self) }

    /// Lets the thread end once it has nothing to do. What is enqueued later is still done, one after the other, by
    /// threads of the system's.
    public func stop() {
        state.withLock { $0.isStopped = true }
        wake()
    }

    /// From the thread itself: calls `onReady` whenever the descriptor is ready. A later call takes the place of this one; a
    /// negative descriptor ends the watching.
    public func watch(_ descriptor: Int32, for readiness: Readiness, _ onReady: @escaping () -> Void) {
        watch.descriptor = descriptor
        watch.readiness = readiness
        watch.onReady = onReady
    }

    /// From the thread itself: calls `onDeadline` once when that time has come; `nil` takes an earlier wish back.
    public func wake(at deadline: ContinuousClock.Instant?, _ onDeadline: @escaping () -> Void = {}) {
        watch.deadline = deadline
        watch.onDeadline = onDeadline
    }

    private func wake() {
        var byte: UInt8 = 1
        // A full pipe wakes just as well.
        _ = write(pipe.write, &byte, 1)
    }

    private func loop() {
        state.withLock { $0.thread = pthread_self() }
        while runJobs() { wait() }
        watch(-1, for: []) {}
        wake(at: nil)
    }

    /// Does what waits.
    /// - Returns: whether the thread goes on.
    private func runJobs() -> Bool {
        while true {
            let jobs = state.withLock { state -> [Work]? in
                let jobs = state.jobs
                state.jobs = []
                if jobs.isEmpty {
                    state.isWoken = false
                    if state.isStopped {
                        state.hasEnded = true
                        state.thread = nil
                    }
                    return state.isStopped ? nil : []
                }
                return jobs
            }
            guard let jobs else { return false }
            if jobs.isEmpty { return true }
            for job in jobs { job.run(on: asUnownedSerialExecutor()) }
        }
    }

    private func wait() {
        var descriptors = [pollfd(fd: pipe.read, events: Int16(POLLIN), revents: 0)]
        if watch.descriptor >= 0 {
            descriptors.append(pollfd(fd: watch.descriptor, events: watch.readiness.rawValue, revents: 0))
        }
        var limit: Int32 = -1
        if let deadline = watch.deadline {
            let (seconds, attoseconds) = (deadline - .now).components
            limit = Int32(clamping: max(0, seconds * 1000 + attoseconds / 1_000_000_000_000_000 + 1))
        }
        _ = poll(&descriptors, nfds_t(descriptors.count), limit)
        if descriptors[0].revents != 0 { drain() }
        if descriptors.count > 1, descriptors[1].revents != 0 { watch.onReady() }
        if let deadline = watch.deadline, deadline <= .now {
            watch.deadline = nil
            watch.onDeadline()
        }
    }

    private func drain() {
        var bytes = [UInt8](repeating: 0, count: 256)
        while read(pipe.read, &bytes, bytes.count) == bytes.count {}
    }
}
