import Foundation
public import NightjarCore

extension Job {
    /// A job whose input is a value decoded from JSON.
    ///
    /// An input that cannot be decoded makes the run dead at once: another attempt would read the same bytes.
    /// - Parameters:
    ///   - name: the job's name.
    ///   - input: what the event's data is decoded as.
    ///   - retry: when a failed run is tried again.
    ///   - timeout: how long an attempt may take.
    ///   - concurrency: how many runs of this job a node does at once.
    ///   - body: does the work.
    public init<Input: Decodable & SendableMetatype>(
        _ name: String, input: Input.Type, retry: RetryPolicy = .default, timeout: Duration? = nil,
        concurrency: Int? = nil, _ body: @escaping @Sendable (Input, RunContext) async throws -> Void
    ) {
        self.init(
            name, policy: JobPolicy(retry: retry, timeout: timeout, concurrency: concurrency),
            handler: ClosureHandler { context in
                try await body(try Self.decode(input, context), context)
                return .none
            })
    }

    /// A job whose input is a value decoded from JSON, and whose result is kept as JSON.
    public init<Input: Decodable & SendableMetatype, Result: Encodable & Sendable>(
        _ name: String, input: Input.Type, result: Result.Type, retry: RetryPolicy = .default,
        timeout: Duration? = nil, concurrency: Int? = nil,
        _ body: @escaping @Sendable (Input, RunContext) async throws -> Result
    ) {
        self.init(
            name, policy: JobPolicy(retry: retry, timeout: timeout, concurrency: concurrency),
            handler: ClosureHandler { context in
                let result = try await body(try Self.decode(input, context), context)
                return RunOutput(result: Array(try JSONEncoder().encode(result)))
            })
    }

    private static func decode<Input: Decodable>(_ type: Input.Type, _ context: RunContext) throws -> Input {
        do {
            return try decode(type, context.input)
        } catch {
            throw RunFailure.never("the input is not the JSON of a \(type): \(error)")
        }
    }

    static func decode<Input: Decodable>(_ type: Input.Type, _ bytes: [UInt8]) throws -> Input {
        try JSONDecoder().decode(type, from: Data(bytes))
    }
}
