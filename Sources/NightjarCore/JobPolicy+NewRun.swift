import CloudEvents

extension JobPolicy {
    /// How long a key may be, in bytes.
    package static let maximumKeyBytes = 512

    /// What the job's runs of the event have in common with others; `nil` if the job has no key.
    /// - Throws: ``TriggerRules/Refusal`` if it has no value, or another key of the job has none.
    package func key(of event: EventValue) throws(TriggerRules.Refusal) -> String? {
        for (other, name) in [(unique?.key, "unique.key"), (batch?.key, "batch.key"), (debounce?.key, "debounce.key")] {
            if let other { _ = try TriggerRules.text(other, event, name, mostBytes: Self.maximumKeyBytes) }
        }
        guard let key else { return nil }
        return try TriggerRules.text(key, event, "key", mostBytes: Self.maximumKeyBytes)
    }
}
