import NightjarCore

/// Why AWS did not do what it was asked for.
public struct AWSError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Code: Sendable, Hashable {
        /// The options contradict one another, or something is missing without which nothing can work.
        case configuration
        /// No credentials were found, or those that were found cannot be used or had.
        case credentials
        /// No connection, or it broke.
        case network
        /// No answer in time.
        case timeout
        /// Asked too often.
        case throttled
        /// The service failed (HTTP status 5xx).
        case service
        /// The credentials have expired, or the service does not know them.
        case rejectedCredentials
        /// The clock here, or there, is wrong.
        case clockSkew
        /// The credentials do not allow it.
        case accessDenied
        /// There is no such queue.
        case notFound
        /// The request is wrong, and stays wrong.
        case invalid
        /// The answer cannot be read.
        case answer
    }

    /// What kind of failure it is.
    public var code: Code
    /// What is wrong and what was expected, for people; without secrets.
    public var message: String
    /// What the service calls it: `QueueDoesNotExist`.
    public var serviceCode: String?
    /// How long to wait, if the service says so.
    public var retryAfter: Duration?
    /// What caused it.
    public var underlying: (any Error)?

    /// An error with these values.
    public init(
        _ code: Code, _ message: String, serviceCode: String? = nil, retryAfter: Duration? = nil,
        underlying: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.serviceCode = serviceCode
        self.retryAfter = retryAfter
        self.underlying = underlying
    }

    /// The message.
    public var description: String { message }

    /// Whether the same request may succeed by itself soon.
    public var isTransient: Bool {
        switch code {
        case .network, .timeout, .throttled, .service, .clockSkew: true
        default: false
        }
    }

    /// The waits between tries: full jitter over 250 ms, doubling to 30 s ("Exponential Backoff And Jitter", AWS
    /// Architecture Blog).
    static let backoff = Backoff.exponential(from: .milliseconds(250), upTo: .seconds(30))

    /// How long to wait before the next try.
    /// - Parameter failures: how often it failed in a row, from 1.
    func wait(afterFailure failures: Int) -> Duration {
        var random = SystemRandomNumberGenerator()
        let wait = Self.backoff.delay(afterFailure: failures, using: &random)
        // Jitter may come to nothing, and a loop must not be busy.
        return max(wait, retryAfter ?? .zero, .milliseconds(20))
    }
}
