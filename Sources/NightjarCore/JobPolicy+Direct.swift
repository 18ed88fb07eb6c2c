extension JobPolicy {
    /// What of it needs the store to be kept, so that direct delivery cannot heed it: the names of the settings.
    public var storedSettings: [String] {
        let standard = JobPolicy()
        return [
            ("key", key != nil), ("rate", rate != nil), ("unique", unique != nil), ("debounce", debounce != nil),
            ("batch", batch != nil), ("expires", expires != nil), ("priority", priority != standard.priority),
            ("weight", weight != standard.weight),
        ].filter(\.1).map(\.0)
    }
}

extension Trigger {
    /// What keeps it from delivering directly to these jobs, in words; `nil` if it may, or does not.
    public func contradiction(_ jobs: [String: JobPolicy]) -> String? {
        guard delivery == .direct else { return nil }
        guard case .source = origin else {
            return "delivers directly; expected a source of its own for that, such as a broker's queue"
        }
        return Self.directContradiction(self.jobs, delay, rules, jobs)
    }

    /// What keeps a trigger with a source of its own from delivering directly to these jobs; `nil` if nothing does.
    public static func directContradiction(
        _ jobs: [String], _ delay: Duration, _ rules: TriggerRules, _ policies: [String: JobPolicy]
    ) -> String? {
        let waits = [("delay", delay > .zero || rules.delay != nil), ("priority", rules.priority != nil)]
        if let wait = waits.first(where: \.1) {
            return
                "delivers directly and has \"\(wait.0)\", which needs the store; expected delivery: stored, or none of it"
        }
        for job in jobs {
            guard let settings = policies[job]?.storedSettings, !settings.isEmpty else { continue }
            let names = settings.map { "\"\($0)\"" }.joined(separator: ", ")
            return
                "delivers directly to the job \"\(job)\" with \(names), which needs the store; expected delivery: stored, or a job without it"
        }
        return nil
    }
}
