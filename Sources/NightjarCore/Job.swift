/// Does the work of a job's runs: a Swift closure, a command, an HTTP call.
///
/// A handler may be called again for the same run after a crash or a failure: make its effect idempotent by the run's
/// id. It must heed task cancellation, which says that the timeout passed, that someone cancelled the run, that the
/// lease was lost, or that the node stops.
public protocol RunHandler: Sendable {
    /// Does the work.
    /// - Returns: what to keep of it.
    /// - Throws: ``RunFailure`` to choose what follows; any other error is a failure to be retried.
    func run(_ context: RunContext) async throws -> RunOutput
}

/// A named handler with its policy.
public struct Job: Sendable {
    /// Its name: 1 to 128 letters, digits, `-`, `_` and `.`.
    public let name: String
    /// How its runs are treated.
    public var policy: JobPolicy
    /// Does the work.
    public var handler: any RunHandler
    /// What kind of handler it is, for people: `swift`, `command`, `http`, `emit`.
    public var kind: String

    /// A job with a handler of your own.
    public init(_ name: String, policy: JobPolicy = JobPolicy(), kind: String = "swift", handler: any RunHandler) {
        self.name = name
        self.policy = policy
        self.handler = handler
        self.kind = kind
    }

    /// A job whose closure reads the event itself.
    public init(
        _ name: String, policy: JobPolicy = JobPolicy(),
        _ body: @escaping @Sendable (RunContext) async throws -> Void
    ) {
        self.init(
            name, policy: policy,
            handler: ClosureHandler { context in
                try await body(context)
                return .none
            })
    }

    /// Whether `name` can name a job or a trigger: 1 to 128 letters, digits, `-`, `_` and `.`, not beginning with a
    /// punctuation mark.
    public static func isValidName(_ name: some StringProtocol) -> Bool {
        guard (1...128).contains(name.utf8.count), let first = name.utf8.first, isLetterOrDigit(first) else {
            return false
        }
        return name.utf8.allSatisfy {
            isLetterOrDigit($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: ".")
        }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}

/// A handler made of a closure.
public struct ClosureHandler: RunHandler {
    private let body: @Sendable (RunContext) async throws -> RunOutput

    /// A handler that calls `body`.
    public init(_ body: @escaping @Sendable (RunContext) async throws -> RunOutput) {
        self.body = body
    }

    public func run(_ context: RunContext) async throws -> RunOutput {
        try await body(context)
    }
}
