import NightjarCore

extension Reading where Value == RetryPolicy {
    /// The setting `retry` of a job.
    static var retry: Reading {
        let section = Reading<RetryPolicy>.section("a mapping such as { attempts: 8, from: 1s, upTo: 1h }, or off") {
            section in
            let attempts = section.read("attempts", .attempts)
            let backoff = section.backoff()
            var policy = RetryPolicy()
            // With a wait for each retry, their number says how many attempts there are.
            if case .schedule(let waits)? = backoff { policy = .schedule(waits) }
            if let attempts { policy.attempts = attempts }
            if let backoff { policy.backoff = backoff }
            policy.deadline = section.read("deadline", .duration(atLeast: .milliseconds(1)))
            policy.rules = section.read("byCode", Reading<RetryPolicy.Rule>.retryRule.list(), default: [])
            policy.crashes = section.read("crashes", .integer(1...1000), default: policy.crashes)
            return policy
        }
        return Reading(section.expected) { node, label, context in
            if case .scalar("off", _) = node.content { return .never }
            return section.read(node, label, context)
        }
    }
}

extension Reading where Value == RetryPolicy.Rule {
    /// What is different for failures with certain codes.
    fileprivate static var retryRule: Reading {
        section("a mapping such as { codes: [65, 404], attempts: 1 }") { section in
            let code = Reading<String>.text("an exit code, an HTTP status, or a word such as timeout") {
                $0.isEmpty ? nil : $0
            }
            let codes = section.require("codes", code.oneOrMore())
            let attempts = section.read("attempts", .attempts)
            let backoff = section.backoff()
            return codes.map { RetryPolicy.Rule(codes: Set($0), attempts: attempts, backoff: backoff) }
        }
    }
}

extension Reading where Value == Int {
    fileprivate static var attempts: Reading { .integer(1...1000) }
}

extension Section {
    /// The waits between attempts: `from`, `upTo` and `jitter`, or `schedule`; `nil` if none of them is there.
    fileprivate mutating func backoff() -> Backoff? {
        let waits = read("schedule", Reading<Duration>.duration().list())
        let from = read("from", .duration())
        let upTo = read("upTo", .duration())
        let jitter = read("jitter", .boolean)
        if has("schedule") {
            if let entry = entries.first(where: { ["from", "upTo", "jitter"].contains($0.key) }) {
                context.report(
                    entry.position,
                    "\(label) has \"schedule\" and \"\(entry.key)\"; expected one way to say how long it waits")
            }
            return waits.map { .schedule($0) }
        }
        guard from != nil || upTo != nil || jitter != nil else { return nil }
        guard case .exponential(let standardFrom, let standardUpTo, _) = RetryPolicy.default.backoff else { return nil }
        let first = from ?? standardFrom
        if let upTo, upTo < first, let entry = entries.first(where: { $0.key == "upTo" }) {
            context.report(
                entry.value.position,
                "upTo: \(entry.value.shown) is shorter than \"from\", which is \(DurationText.text(first)); expected at least that"
            )
        }
        return .exponential(from: first, upTo: max(first, upTo ?? standardUpTo), jitter: jitter ?? true)
    }
}
