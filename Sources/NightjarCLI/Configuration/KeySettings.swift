import Expressions
import NightjarCore

extension Reading where Value == RateLimit {
    /// How many runs may start in a time.
    static var rateLimit: Reading {
        section("a mapping such as { limit: 100, per: 1s }") { section in
            let limit = section.require("limit", .integer(1...1_000_000_000))
            let per = section.require("per", .duration(atLeast: .milliseconds(1)))
            let burst = section.read("burst", .integer(1...1_000_000_000))
            let excess = section.read("excess", Reading<RateLimit.Excess>.choice, default: .wait)
            guard let limit, let per else { return nil }
            return RateLimit(limit, per: per, burst: burst, excess: excess)
        }
    }
}

extension Reading where Value == CELExpression {
    /// What runs have in common.
    static var key: Reading {
        expression("a text, number or bool such as event.data.customer", of: [.string, .int, .uint, .bool])
    }
}

extension Reading where Value == KeyPolicy {
    /// How runs with the same key are treated.
    static var perKey: Reading {
        section("a mapping such as { order: true, concurrency: 2 }") { section in
            var policy = KeyPolicy()
            policy.isOrdered = section.read("order", .boolean, default: policy.isOrdered)
            policy.whenDead = section.read("whenDead", Reading<KeyPolicy.Death>.choice, default: policy.whenDead)
            policy.concurrency = section.read("concurrency", .integer(1...10_000))
            policy.rate = section.read("rate", .rateLimit)
            return policy
        }
    }
}
