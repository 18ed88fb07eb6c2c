import AsyncHTTPClient
import CloudEvents
import Foundation
import HTTPTypes
import NIOCore
import NIOHTTP1
public import NightjarCore

/// Does a run by an HTTP request.
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
        /// Headers besides those that say what is sent.
        public var headers: [String: String]
        /// A body in place of the event's data.
        public var body: [UInt8]?
        /// What the request carries of the event.
        public var envelope: Envelope
        /// How long the whole exchange may take.
        public var timeout: Duration
        /// Statuses that mean done.
        public var success: [ClosedRange<Int>]
        /// Statuses that mean: try again. Any other means: never.
        public var retry: [ClosedRange<Int>]
        /// How many bytes of the answer are kept.
        public var outputLimitBytes: Int

        /// Options with these values.
        public init(
            method: String = "POST", headers: [String: String] = [:], body: [UInt8]? = nil, envelope: Envelope = .binary,
            timeout: Duration = .seconds(30), success: [ClosedRange<Int>] = [200...299],
            retry: [ClosedRange<Int>] = [408...408, 425...425, 429...429, 500...599], outputLimitBytes: Int = 64 << 10
        ) {
            self.method = method
            self.headers = headers
            self.body = body
            self.envelope = envelope
            self.timeout = timeout
            self.success = success
            self.retry = retry
            self.outputLimitBytes = max(0, outputLimitBytes)
        }
    }

    private static let longestRetryAfter = Duration.seconds(86_400)

    /// One client for all actions: it lives as long as the process, follows no redirects, and opens as many connections to
    /// one host as a node has slots by default.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(10)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    private let url: String
    private let options: Options

    /// An action that requests `url`.
    /// - Throws: ``ActionError`` if it is no HTTP or HTTPS URL, or a header's name or value cannot be sent.
    public init(_ url: String, options: Options = Options()) throws(ActionError) {
        guard let parsed = URL(string: url), let scheme = parsed.scheme?.lowercased(), ["http", "https"].contains(scheme),
            parsed.host?.isEmpty == false
        else {
            throw ActionError("\"\(url)\" is not an HTTP URL: expected one such as https://example.com/hook")
        }
        guard HTTPRequest.Method(options.method) != nil else {
            throw ActionError("\"\(options.method)\" is not an HTTP method: expected one such as POST")
        }
        for (name, value) in options.headers {
            guard HTTPField.Name(name) != nil, HTTPField.isValidValue(value) else {
                throw ActionError("the header \"\(name)\" cannot be sent: its name or value has characters that headers may not have")
            }
        }
        self.url = url
        self.options = options
    }

    public func run(_ context: RunContext) async throws -> RunOutput {
        let response: HTTPClientResponse
        var captured = CapturedOutput(limit: options.outputLimitBytes)
        do {
            response = try await Self.client.execute(
                request(context), timeout: .nanoseconds(options.timeout.microseconds.multipliedReportingOverflow(by: 1000).partialValue))
            for try await chunk in response.body {
                captured.append(chunk.readableBytesView)
                // The rest of a long answer is not waited for: the status has said what matters.
                if captured.isTruncated { break }
            }
        } catch {
            try Task.checkCancellation()
            throw RunFailure("\(options.method) \(url) failed: \(Self.describe(error))")
        }
        return try judge(response, captured)
    }

    private func judge(_ response: HTTPClientResponse, _ captured: CapturedOutput) throws -> RunOutput {
        let status = Int(response.status.code)
        let output = captured.bytes
        if options.success.contains(where: { $0.contains(status) }) {
            let isJSON = JSONText.isJSONContentType(response.headers.first(name: "content-type"))
            return RunOutput(
                result: isJSON && !captured.isTruncated ? JSONResult.trimmed(output) : nil,
                output: output.isEmpty ? nil : output)
        }
        let message = "\(options.method) \(url) answered \(status) \(response.status.reasonPhrase)"
        guard options.retry.contains(where: { $0.contains(status) }) else {
            let redirect = (300...399).contains(status) ? "; redirects are not followed" : ""
            throw RunFailure(message + redirect, .never, output: output)
        }
        let wait = response.headers.first(name: "retry-after").flatMap { Self.retryAfter($0, now: Date()) }
        throw RunFailure(message, wait.map { .retryAfter($0) } ?? .retry, output: output)
    }

    private func request(_ context: RunContext) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url)
        request.method = HTTPMethod(rawValue: options.method)
        var fields: HTTPFields
        let body: [UInt8]
        switch options.envelope {
        case .binary: (fields, body) = HTTPBinding.encodeBinary(context.event)
        case .structured: (fields, body) = HTTPBinding.encodeStructured(context.event)
        case .off:
            fields = [.contentType: context.event.dataContentType ?? "application/json"]
            body = context.input
        }
        for field in fields { request.headers.add(name: field.name.canonicalName, value: field.value) }
        request.headers.replaceOrAdd(name: "user-agent", value: "nightjar")
        request.headers.add(name: "idempotency-key", value: "\"\(context.id)\"")
        request.headers.add(name: "nightjar-run-id", value: context.id.description)
        request.headers.add(name: "nightjar-attempt", value: "\(context.attempt)")
        request.headers.add(name: "nightjar-fencing-token", value: "\(context.fencingToken)")
        for (name, value) in options.headers { request.headers.replaceOrAdd(name: name, value: value) }
        let content = options.body ?? body
        if options.method != "GET" && options.method != "HEAD" { request.body = .bytes(ByteBuffer(bytes: content)) }
        return request
    }

    /// Retry-After of RFC 9110, section 10.2.3: seconds, or a date.
    static func retryAfter(_ value: String, now: Date) -> Duration? {
        if let seconds = Int64(value) { return min(.seconds(max(0, seconds)), longestRetryAfter) }
        let formatter = DateFormatter()
        formatter.locale = Locale(identifier: "en_US_POSIX")
        formatter.timeZone = TimeZone(identifier: "GMT")
        formatter.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
        guard let date = formatter.date(from: value) else { return nil }
        return min(.seconds(max(0, Int64(date.timeIntervalSince(now)))), longestRetryAfter)
    }

    private static func describe(_ error: any Error) -> String {
        if let error = error as? HTTPClientError { return error.shortDescription }
        return "\(error)"
    }
}
