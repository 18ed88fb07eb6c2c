import CloudEvents
import Expressions
import NightjarCore

extension JobPolicy {
    /// The run with what the policy says about it.
    /// - Parameters:
    ///   - run: the run, with the time that its trigger says.
    ///   - event: the event as expressions see it.
    ///   - bytes: how large the run's input is.
    ///   - now: when the event is accepted.
    ///   - isTimeGiven: whether a person said when it is to begin.
    /// - Throws: ``TriggerRules/Refusal`` if a key has no value.
    func applied(
        to run: NewRun, _ event: EventValue, bytes: Int, now: Timestamp, isTimeGiven: Bool = false
    ) throws(TriggerRules.Refusal) -> NewRun {
        var run = run
        if let rate, rate.excess == .drop { run.dropsBeyond.job = rate }
        if let key {
            run.key = try Self.text(key, event, "key")
            run.stopsKey = perKey.whenDead == .stop
            if let rate = perKey.rate, rate.excess == .drop { run.dropsBeyond.key = rate }
        }
        if let unique {
            run.unique = UniqueClaim(
                key: try unique.key.map { key throws(TriggerRules.Refusal) in try Self.text(key, event, "unique.key") }
                    ?? run.key ?? "",
                after: unique.window.map { now - $0 }, states: unique.states, second: unique.second)
        }
        try collect(&run, event, bytes: bytes, isTimeGiven: isTimeGiven)
        run.expiresAt = expires.map { run.runAt + $0 }
        return run
    }

    /// Says which run the event may join, and when its own begins if there is none.
    private func collect(
        _ run: inout NewRun, _ event: EventValue, bytes: Int, isTimeGiven: Bool
    ) throws(TriggerRules.Refusal) {
        let claim: CollectClaim
        let wait: Duration
        if let batch {
            let key = try batch.key.map { key throws(TriggerRules.Refusal) in try Self.text(key, event, "batch.key") }
            claim = CollectClaim(
                key: Self.collectKey(key, run.key), until: run.runAt + batch.within, size: batch.size, keep: .all,
                isOpen: batch.size > 1)
            wait = batch.within
        } else if let debounce {
            let key = try debounce.key.map { key throws(TriggerRules.Refusal) in
                try Self.text(key, event, "debounce.key")
            }
            claim = CollectClaim(
                key: Self.collectKey(key, run.key), until: debounce.atMost.map { [runAt = run.runAt] in runAt + $0 },
                keep: debounce.keep)
            wait = debounce.wait
        } else {
            return
        }
        run.collect = claim
        // Who says when it is to begin gets a run of its own.
        if isTimeGiven || claim.keep == .all && bytes >= CollectClaim.mostBytes { run.collect?.isOpen = false }
        if run.collect?.isOpen == true { run.runAt = run.runAt + wait }
    }

    /// What events have in common that join one run: with the job's key too, so that none joins a run in another's line.
    private static func collectKey(_ own: String?, _ key: String?) -> String {
        guard let own, let key else { return own ?? key ?? "" }
        return "\(key.utf8.count):\(key)\(own)"
    }

    private static func text(
        _ key: CELExpression, _ event: EventValue, _ name: String
    ) throws(TriggerRules.Refusal) -> String {
        try TriggerRules.text(key, event, name, mostBytes: maximumKeyBytes)
    }
}
