import NightjarCore

/// A job of the file.
struct JobSettings: Sendable {
    /// What the job does.
    enum Action: Sendable {
        /// Runs a program.
        case command(CommandSettings)
        /// Makes an HTTP request.
        case http(RequestSettings)
        /// Emits an event.
        case emit(EmitSettings)
        /// Publishes a message.
        case publish(PublishSettings)
    }

    /// The keys that say what a job does.
    static let kinds = ["command", "http", "emit", "publish"]

    /// Its name.
    var name: String
    /// What it does.
    var action: Action
    /// How its runs are treated.
    var policy: JobPolicy
}

extension Reading where Value == [JobSettings] {
    /// The section `jobs`.
    static var jobs: Reading {
        NamedEntries.reading("job") { section, name, position in
            section.refuse(LaterVersions.actions)
            let action = section.action(at: position)
            let policy = section.policy()
            return action.map { JobSettings(name: name, action: $0, policy: policy) }
        }
    }
}

extension Section {
    /// How the job's runs are treated.
    mutating func policy() -> JobPolicy {
        var policy = JobPolicy()
        policy.retry = read("retry", .retry, default: .default)
        policy.timeout = read("timeout", .duration(atLeast: .milliseconds(1)))
        policy.concurrency = read("concurrency", .integer(1...10_000))
        policy.priority = read("priority", .integer(0...9), default: policy.priority)
        policy.expires = read("expires", .duration(atLeast: .milliseconds(1)))
        policy.weight = read("weight", .integer(1...10_000), default: policy.weight)
        policy.rate = read("rate", .rateLimit)
        policy.key = read("key", .key)
        policy.perKey = read("perKey", .perKey, default: policy.perKey)
        readSecond(into: &policy)
        if has("perKey"), !has("key"), let entry = entries.first(where: { $0.key == "perKey" }) {
            context.report(
                entry.position,
                "\(label) has \"perKey\" but no \"key\"; expected \"key\" with an expression such as event.data.customer"
            )
        }
        return policy
    }

    /// What the job does: the one key among ``JobSettings/kinds``.
    fileprivate mutating func action(at position: Position) -> JobSettings.Action? {
        var actions: [JobSettings.Action] = []
        let kinds = JobSettings.kinds.filter { has($0) }
        if let action = read("command", Reading<CommandSettings>.command) { actions.append(.command(action)) }
        if let action = read("http", Reading<RequestSettings>.request) { actions.append(.http(action)) }
        if let action = read("emit", Reading<EmitSettings>.emit) { actions.append(.emit(action)) }
        if let action = read("publish", Reading<PublishSettings>.publish) { actions.append(.publish(action)) }
        guard kinds.count == 1 else {
            if kinds.count > 1 {
                let list = kinds.map { "\"\($0)\"" }.joined(separator: " and ")
                let second = entries.filter { kinds.contains($0.key) }.dropFirst().first?.position ?? position
                context.report(second, "\(label) has \(list); expected one of them")
            } else if !mayMean(oneOf: JobSettings.kinds, orLater: LaterVersions.actions) {
                context.report(
                    position, "\(label) does nothing; expected one of: \(JobSettings.kinds.joined(separator: ", "))")
            }
            return nil
        }
        return actions.first
    }
}
