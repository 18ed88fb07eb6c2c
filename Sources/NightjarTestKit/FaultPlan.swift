import NightjarCore

/// How a ``FaultyStore`` fails: at random with these probabilities, and at the calls that are listed.
public struct FaultPlan: Sendable, Hashable {
    /// Where a call fails.
    public enum Fault: Sendable, Hashable, CaseIterable {
        /// Before anything was done.
        case beforeCommit
        /// After it was done: the effect is durable, and the answer is lost.
        case afterCommit
    }

    /// How probable it is that a call fails before it does anything, from 0 to 1.
    public var failBeforeCommit: Double
    /// How probable it is that a call's answer is lost, from 0 to 1.
    public var failAfterCommit: Double
    /// How probable it is that a call takes ``delay``, from 0 to 1.
    public var slow: Double
    /// How long a slow call takes on the clock, drawn from this range. Part of it passes before the call is done, the rest
    /// before its answer arrives.
    public var delay: ClosedRange<Duration>
    /// How often a call lets other tasks go first, at most.
    public var maximumYields: Int
    /// The calls that fail for certain, by number: 1 is the first.
    public var failingCalls: [Int: Fault]

    /// A plan with these values; by default nothing fails.
    public init(
        failBeforeCommit: Double = 0, failAfterCommit: Double = 0, slow: Double = 0,
        delay: ClosedRange<Duration> = .milliseconds(1) ... .seconds(2), maximumYields: Int = 0,
        failingCalls: [Int: Fault] = [:]
    ) {
        self.failBeforeCommit = failBeforeCommit
        self.failAfterCommit = failAfterCommit
        self.slow = slow
        self.delay = delay
        self.maximumYields = max(0, maximumYields)
        self.failingCalls = failingCalls
    }

    /// Nothing fails.
    public static let none = FaultPlan()

    /// One call fails, the others don't: for tests that let the first call fail, then the second, and so on until all
    /// have been tried.
    public static func failing(_ fault: Fault, atCall number: Int) -> FaultPlan {
        FaultPlan(failingCalls: [number: fault])
    }
}

/// What is to happen to one call.
struct CallFate: Sendable, Hashable {
    var fault: FaultPlan.Fault?
    var yieldsBefore = 0
    var yieldsAfter = 0
    /// How long it waits, before and after its effect.
    var delayBefore = Duration.zero
    var delayAfter = Duration.zero
}

/// Decides the fates of a store's calls, one after another: a value without clock or I/O.
struct FaultDecider: Sendable {
    var plan: FaultPlan
    var isCut = false
    private(set) var callCount = 0
    private var generator: SeededGenerator

    init(plan: FaultPlan, seed: UInt64) {
        self.plan = plan
        generator = SeededGenerator(seed: seed)
    }

    mutating func next() -> CallFate {
        callCount += 1
        // All is drawn in any case, so that a change of the plan does not shift what comes later.
        let isBefore = chance(plan.failBeforeCommit)
        let isAfter = chance(plan.failAfterCommit)
        let isSlow = chance(plan.slow)
        let range = plan.delay.lowerBound.microseconds...plan.delay.upperBound.microseconds
        let delay = Int64.random(in: range, using: &generator)
        let delayBefore = Int64.random(in: 0...max(0, delay), using: &generator)
        var fate = CallFate()
        fate.yieldsBefore = Int.random(in: 0...plan.maximumYields, using: &generator)
        fate.yieldsAfter = Int.random(in: 0...plan.maximumYields, using: &generator)
        fate.fault = plan.failingCalls[callCount] ?? (isBefore ? .beforeCommit : isAfter ? .afterCommit : nil)
        if isSlow {
            fate.delayBefore = .microseconds(delayBefore)
            fate.delayAfter = .microseconds(delay - delayBefore)
        }
        return fate
    }

    private mutating func chance(_ probability: Double) -> Bool {
        Double.random(in: 0..<1, using: &generator) < probability
    }
}
