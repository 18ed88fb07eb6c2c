/// What a handler throws to say why it failed and what is to follow. Any other error counts as ``Disposition/retry``.
public struct RunFailure: Error, Sendable, CustomStringConvertible {
    /// What is to follow a failure.
    public enum Disposition: Sendable, Hashable {
        /// Try again as the job's retry policy says.
        case retry
        /// Try again after this time, if the policy has attempts left.
        case retryAfter(Duration)
        /// Never try again: the run is dead.
        case never
        /// Try again later without counting this as a failure: after this time, or as the policy's backoff says.
        case snooze(Duration?)
    }

    /// What went wrong, for people.
    public var message: String
    /// What is to follow.
    public var disposition: Disposition
    /// What the handler wrote, to be kept with the attempt.
    public var output: [UInt8]?
    /// What kind of failure it is, for the rules of a ``RetryPolicy``: an exit code, an HTTP status, a word of your own.
    public var code: String?

    /// A failure with these values.
    public init(
        _ message: String, _ disposition: Disposition = .retry, code: String? = nil, output: [UInt8]? = nil
    ) {
        self.message = message
        self.disposition = disposition
        self.code = code
        self.output = output
    }

    /// A failure that is tried again after `delay`.
    public static func retry(after delay: Duration, _ message: String) -> RunFailure {
        RunFailure(message, .retryAfter(delay))
    }

    /// A failure that is never tried again.
    public static func never(_ message: String) -> RunFailure { RunFailure(message, .never) }

    /// Not now: tried again later, without counting as a failure.
    public static func snooze(_ delay: Duration? = nil, _ message: String = "asked to be tried later") -> RunFailure {
        RunFailure(message, .snooze(delay))
    }

    /// The message.
    public var description: String { message }
}
