import CloudEvents
public import NightjarCore
import Synchronization

/// A store behind a bad line: its calls take their time, fail, or lose their answers, as a plan and a seed decide.
///
/// What it throws is transient, as a broken connection is. Copies share one plan, one generator and one fate.
public struct FaultyStore: StoreDecorator {
    private final class Line: Sendable {
        let decider: Mutex<FaultDecider>

        init(_ decider: FaultDecider) {
            self.decider = Mutex(decider)
        }
    }

    /// The store behind the line.
    public let base: any RunStore
    private let clock: any TimeSource
    private let line: Line

    /// Puts `base` behind a bad line.
    /// - Parameters:
    ///   - seed: decides when what fails.
    ///   - clock: what slow calls wait on.
    public init(_ base: any RunStore, plan: FaultPlan, seed: UInt64, clock: any TimeSource) {
        self.base = base
        self.clock = clock
        line = Line(FaultDecider(plan: plan, seed: seed))
    }

    /// How many calls were made.
    public var callCount: Int { line.decider.withLock { $0.callCount } }

    /// Follows another plan from the next call on.
    public func follow(_ plan: FaultPlan) {
        line.decider.withLock { $0.plan = plan }
    }

    /// Nothing fails from the next call on.
    public func heal() { follow(.none) }

    /// Cuts the line for good, as when the node dies: nothing that is still on its way reaches the store, and no answer
    /// comes back.
    public func cut() {
        line.decider.withLock { $0.isCut = true }
    }

    /// Makes a call as the plan decides.
    public func call<Value: Sendable>(
        _ effect: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let fate = line.decider.withLock { $0.next() }
        try await wait(yields: fate.yieldsBefore, delay: fate.delayBefore)
        if fate.fault == .beforeCommit { throw StoreError(.transient, "the line broke before the call arrived") }
        let value = try await effect()
        try await wait(yields: fate.yieldsAfter, delay: fate.delayAfter)
        if fate.fault == .afterCommit { throw StoreError(.transient, "the line broke before the answer arrived") }
        return value
    }

    /// Waits, and throws if the line is cut by then.
    private func wait(yields: Int, delay: Duration) async throws(StoreError) {
        for _ in 0..<yields { await Task.yield() }
        if delay > .zero {
            do {
                try await clock.sleep(until: clock.now + delay)
            } catch {
                throw StoreError(.transient, "the call was cancelled", underlying: error)
            }
        }
        if line.decider.withLock({ $0.isCut }) { throw StoreError(.transient, "the line is cut") }
    }
}
