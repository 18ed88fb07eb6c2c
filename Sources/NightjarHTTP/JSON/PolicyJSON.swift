import CloudEvents
import NightjarCore

extension JSONWriter {
    /// The members that say how a job's runs are treated, as the configuration file names them. Durations are in seconds.
    mutating func policy(_ policy: JobPolicy) {
        key("retry")
        retry(policy.retry)
        if let timeout = policy.timeout { seconds("timeout", timeout) }
        if let concurrency = policy.concurrency { member("concurrency", concurrency) }
        member("weight", policy.weight)
        member("priority", policy.priority)
        if let expires = policy.expires { seconds("expires", expires) }
        if let rate = policy.rate { self.rate(rate) }
        secondEvents(policy)
        guard let key = policy.key else { return }
        member("key", "\(key)")
        self.key("perKey")
        beginObject()
        member("order", policy.perKey.isOrdered)
        member("whenDead", policy.perKey.whenDead.rawValue)
        if let concurrency = policy.perKey.concurrency { member("concurrency", concurrency) }
        if let rate = policy.perKey.rate { self.rate(rate) }
        endObject()
    }

    /// What becomes of events that come while others of their kind are yet to be done.
    private mutating func secondEvents(_ policy: JobPolicy) {
        if let unique = policy.unique {
            key("unique")
            beginObject()
            if let key = unique.key { member("key", "\(key)") }
            if let window = unique.window { seconds("window", window) }
            key("states")
            beginArray()
            for state in unique.states.map(\.description).sorted() { string(state) }
            endArray()
            member("second", unique.second.rawValue)
            endObject()
        }
        if let debounce = policy.debounce {
            key("debounce")
            beginObject()
            seconds("wait", debounce.wait)
            if let atMost = debounce.atMost { seconds("atMost", atMost) }
            member("keep", debounce.keep.rawValue)
            if let key = debounce.key { member("key", "\(key)") }
            endObject()
        }
        if let batch = policy.batch {
            key("batch")
            beginObject()
            member("size", batch.size)
            seconds("within", batch.within)
            if let key = batch.key { member("key", "\(key)") }
            endObject()
        }
    }

    private mutating func retry(_ policy: RetryPolicy) {
        beginObject()
        member("attempts", policy.attempts)
        backoff(policy.backoff)
        if let deadline = policy.deadline { seconds("deadline", deadline) }
        member("crashes", policy.crashes)
        if !policy.rules.isEmpty {
            key("byCode")
            beginArray()
            for rule in policy.rules {
                beginObject()
                key("codes")
                beginArray()
                for code in rule.codes.sorted() { string(code) }
                endArray()
                if let attempts = rule.attempts { member("attempts", attempts) }
                if let backoff = rule.backoff { self.backoff(backoff) }
                endObject()
            }
            endArray()
        }
        endObject()
    }

    private mutating func backoff(_ backoff: Backoff) {
        switch backoff {
        case .exponential(let from, let upTo, let jitter):
            seconds("from", from)
            seconds("upTo", upTo)
            member("jitter", jitter)
        case .schedule(let waits):
            key("schedule")
            beginArray()
            for wait in waits { double(Double(wait.microseconds) / 1_000_000) }
            endArray()
        }
    }

    private mutating func rate(_ rate: RateLimit) {
        key("rate")
        beginObject()
        member("limit", rate.limit)
        seconds("per", rate.per)
        member("burst", rate.burst)
        member("excess", rate.excess.rawValue)
        endObject()
    }

    private mutating func seconds(_ name: String, _ duration: Duration) {
        key(name)
        double(Double(duration.microseconds) / 1_000_000)
    }
}
