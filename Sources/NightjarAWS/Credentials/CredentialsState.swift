import CloudEvents

/// Decides when credentials are fetched: a value without clock and network.
struct CredentialsState: Sendable {
    /// What becomes of somebody who asks for credentials.
    enum Action: Sendable {
        /// He uses these.
        case use(AWSCredentials)
        /// He fetches new ones, and says how that ended.
        case fetch
        /// He waits for him who fetches.
        case wait
        /// There are none, and it is too early to try again.
        case fail(AWSError)
    }

    /// So long before their end they are fetched again.
    static let ahead = Duration.seconds(300)
    private static let longestPause = Duration.seconds(30)

    private var current: AWSCredentials?
    private var refreshAt = Timestamp.distantFuture
    /// Whether somebody fetches now.
    private(set) var isFetching = false
    private var failures = 0
    private var failure: AWSError?
    private var retryAt = Timestamp.distantPast

    /// What somebody who asks now is to do.
    mutating func ask(now: Timestamp) -> Action {
        if let current, current.expiration.map({ now < $0 }) ?? true {
            guard now >= refreshAt, now >= retryAt, !isFetching else { return .use(current) }
        } else {
            if isFetching { return .wait }
            if now < retryAt, let failure { return .fail(failure) }
        }
        isFetching = true
        return .fetch
    }

    /// New ones were fetched.
    mutating func fetched(_ credentials: AWSCredentials, now: Timestamp) {
        isFetching = false
        failures = 0
        failure = nil
        retryAt = .distantPast
        current = credentials
        guard let expiration = credentials.expiration else {
            refreshAt = .distantFuture
            return
        }
        // Those that live shortly are used for half of their time.
        refreshAt = expiration - min(Self.ahead, max(.zero, expiration - now) / 2)
    }

    /// None could be fetched.
    /// - Returns: those that are there and still good.
    mutating func failed(_ error: AWSError, now: Timestamp) -> AWSCredentials? {
        isFetching = false
        failures += 1
        failure = error
        retryAt = now + min(Self.longestPause, .seconds(1 << min(failures - 1, 6)))
        guard let current, current.expiration.map({ now < $0 }) ?? true else { return nil }
        return current
    }

    /// The service does not take them.
    mutating func rejected(_ credentials: AWSCredentials) {
        // Others may have been fetched meanwhile.
        if current == credentials { current = nil }
    }
}
