import CloudEvents

extension JobPolicy {
    /// How long a key may be, in bytes.
    private static let maximumKeyBytes = 512

    /// The run with what the policy says about it.
    /// - Throws: ``TriggerRules/Refusal`` if its key has no value.
    package func applied(to run: NewRun, _ event: EventValue) throws(TriggerRules.Refusal) -> NewRun {
        var run = run
        run.expiresAt = expires.map { run.runAt + $0 }
        if let rate, rate.excess == .drop { run.dropsBeyond.job = rate }
        guard let key = try key(of: event) else { return run }
        run.key = key
        run.stopsKey = perKey.whenDead == .stop
        if let rate = perKey.rate, rate.excess == .drop { run.dropsBeyond.key = rate }
        return run
    }

    /// What the job's runs of the event have in common with others; `nil` if the job has no key.
    /// - Throws: ``TriggerRules/Refusal`` if the key has no value.
    package func key(of event: EventValue) throws(TriggerRules.Refusal) -> String? {
        guard let key else { return nil }
        return try TriggerRules.text(key, event, "key", mostBytes: Self.maximumKeyBytes)
    }
}
