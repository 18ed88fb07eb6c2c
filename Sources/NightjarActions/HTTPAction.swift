import AsyncHTTPClient
import Foundation
import HTTPTypes
import NetworkFailures
public import NightjarCore

/// Does a run by an HTTP request.
///
/// The request carries the event's data, and the run's id in `Idempotency-Key`, so that a server can tell a repeated attempt
/// from a new run. A status of ``Options/success`` means done, one of ``Options/retry`` and every failure of the network
/// means: try again, after `Retry-After` if the answer has one; any other status means: never. The answer's body is kept
/// with the attempt; if it is JSON and short enough, it is the run's result.
///
/// A batch is sent as a CloudEvents batch in JSON. An answer that means done may name the items that failed, as
/// `{"batchItemFailures": [{"itemIdentifier": "<event id>"}]}`: the others are done then.
public struct HTTPAction: RunHandler {
    /// What the request carries of the event.
    public enum Envelope: String, Sendable, Hashable, CaseIterable {
        /// The data as body, the attributes as `ce-` headers (CloudEvents, binary mode).
        case binary
        /// The whole event in JSON as body (CloudEvents, structured mode).
        case structured
        /// The data as body, and no attributes.
        case off
    }

    /// How a request is made and its answer read.
    public struct Options: Sendable, Hashable {
        /// The request's method.
        public var method: String
        /// Headers; they replace those that the action sets.
        public var headers: [String: String]
        /// A body in place of the event. Nothing of the event is sent then; an empty body is none.
        public var body: [UInt8]?
        /// What the request carries of the event.
        public var envelope: Envelope
        /// How long the whole exchange may take, from 1 ms to 1 day. Connecting may take 10 seconds of it.
        public var timeout: Duration
        /// Statuses that mean done.
        public var success: [ClosedRange<Int>]
        /// Statuses that mean: try again. Any other means: never.
        public var retry: [ClosedRange<Int>]
        /// How many redirects are followed, from 0 to 10. A request to another server goes without `Authorization` and
        /// `Cookie`; 303 makes it a GET.
        public var redirects: Int
        /// How many bytes of the answer are kept. The rest is not read.
        public var outputLimitBytes: Int

        /// Options with these values.
        public init(
            method: String = "POST", headers: [String: String] = [:], body: [UInt8]? = nil,
            envelope: Envelope = .binary,
            timeout: Duration = .seconds(30), success: [ClosedRange<Int>] = [200...299],
            retry: [ClosedRange<Int>] = [408...408, 425...425, 429...429, 500...599], redirects: Int = 0,
            outputLimitBytes: Int = 64 << 10
        ) {
            self.method = method
            self.headers = headers
            self.body = body
            self.envelope = envelope
            self.timeout = timeout
            self.success = success
            self.retry = retry
            self.redirects = redirects
            self.outputLimitBytes = max(0, outputLimitBytes)
        }
    }

    /// The request without what it carries.
    let url: String
    let options: Options
    /// The URL as it may be shown: without the query, which often holds a secret.
    private let shownURL: String

    /// An action that requests `url`.
    /// - Throws: ``ActionError`` if it is no HTTP or HTTPS URL, or a header's name or value cannot be sent.
    public init(_ url: String, options: Options = Options()) throws(ActionError) {
        guard var parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(),
            ["http", "https"].contains(scheme), parts.host?.isEmpty == false
        else {
            throw ActionError("\"\(url)\" is not an HTTP URL: expected one such as https://example.com/hook")
        }
        guard parts.user == nil, parts.password == nil else {
            throw ActionError(
                "the URL of \(parts.host ?? "") contains a user or a password: expected a header such as Authorization")
        }
        guard HTTPRequest.Method(options.method) != nil, options.method != "CONNECT", options.method != "TRACE" else {
            throw ActionError("\"\(options.method)\" cannot be the method of a request: expected one such as POST")
        }
        for (name, value) in options.headers {
            guard HTTPField.Name(name) != nil, HTTPField.isValidValue(value) else {
                throw ActionError(
                    "the header \"\(name)\" cannot be sent: its name or value has characters that headers may not have")
            }
        }
        guard (0...RequestClients.mostRedirects).contains(options.redirects) else {
            throw ActionError(
                "\(options.redirects) redirects cannot be followed: expected 0 to \(RequestClients.mostRedirects)")
        }
        guard (Duration.milliseconds(1)...Duration.seconds(86_400)).contains(options.timeout) else {
            throw ActionError("a request cannot have \(options.timeout) as its timeout: expected 1 ms to 1 day")
        }
        parts.query = nil
        parts.fragment = nil
        shownURL = parts.string ?? parts.host ?? ""
        self.url = url
        self.options = options
    }

    /// Makes the request and judges the answer.
    public func run(_ context: RunContext) async throws -> RunOutput {
        let exchange = HTTPExchange(
            client: RequestClients.client(redirects: options.redirects), timeout: options.timeout,
            bodyLimit: options.outputLimitBytes)
        let answer: HTTPAnswer
        do {
            answer = try await exchange.run(request(context))
        } catch {
            try Task.checkCancellation()
            let isLate = (error as? HTTPClientError) == .deadlineExceeded
            let reason = isLate ? "no answer within \(options.timeout)" : NetworkFailure.describe(error)
            throw RunFailure("\(label) failed: \(reason)", code: "network")
        }
        return try judge(answer, of: context)
    }

    private var label: String { "\(options.method) \(shownURL)" }

    private func judge(_ answer: HTTPAnswer, of context: RunContext) throws -> RunOutput {
        let status = answer.status
        if options.success.contains(where: { $0.contains(status) }) {
            if let problem = answer.problem {
                throw RunFailure(
                    "\(label) answered \(answer.title), but \(problem)", code: "network", output: answer.output)
            }
            if !context.items.isEmpty { try checkItems(answer, of: context) }
            return RunOutput(result: answer.result, output: answer.output)
        }
        let message = "\(label) answered \(answer.title)"
        guard options.retry.contains(where: { $0.contains(status) }) else {
            let redirect = (300...399).contains(status) ? "; this redirect is not followed" : ""
            throw RunFailure(message + redirect, .never, code: "\(answer.status)", output: answer.output)
        }
        throw RunFailure(
            message, answer.retryAfter.map { .retryAfter($0) } ?? .retry, code: "\(answer.status)",
            output: answer.output)
    }
}
