import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NetworkFailures

/// What a server answered.
struct HTTPAnswer: Sendable {
    var status: Int
    var headers: HTTPHeaders
    var body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
}

/// One request and its answer, within one time limit.
struct HTTPExchange: Sendable {
    /// The longest answer that is read: ten messages of a mebibyte each, with every character escaped.
    private static let longestBody = 64 << 20

    let client: HTTPClient

    /// Makes the request and reads the answer.
    /// - Parameter isStoppable: whether the request is given up when the task is cancelled. What acknowledges messages is
    ///   not, because a node that stops still has to say what it has done.
    /// - Throws: ``AWSError`` with `network` or `timeout`; `CancellationError` if the request was given up.
    func send(
        _ method: String, _ url: String, headers: [(name: String, value: String)], body: [UInt8] = [],
        timeout: Duration, isStoppable: Bool = false
    ) async throws -> HTTPAnswer {
        if isStoppable { try Task.checkCancellation() }
        do {
            let request = try HTTPClient.Request(
                url: url, method: HTTPMethod(rawValue: method),
                headers: HTTPHeaders(headers.map { ($0.name, $0.value) }),
                body: body.isEmpty && method == "GET" ? nil : .bytes(body))
            let task = client.execute(
                request: request, delegate: ResponseAccumulator(request: request, maxBodySize: Self.longestBody),
                deadline: .now() + TimeAmount(timeout))
            let response = try await withTaskCancellationHandler {
                // Waiting for this does not end when the task is cancelled, as the client's own `execute` does.
                try await task.futureResult.get()
            } onCancel: {
                if isStoppable { task.cancel() }
            }
            return HTTPAnswer(
                status: Int(response.status.code), headers: response.headers,
                body: response.body.map { Array($0.readableBytesView) } ?? [])
        } catch {
            if isStoppable { try Task.checkCancellation() }
            throw NetworkFailure.error(error)
        }
    }

    /// Makes a small request that is not given up, and tries again when there is no answer or the server failed.
    func fetch(
        _ method: String, _ url: String, headers: [(name: String, value: String)], timeout: Duration, tries: Int
    ) async throws(AWSError) -> HTTPAnswer {
        var attempt = 1
        while true {
            do {
                let answer = try await send(method, url, headers: headers, timeout: timeout)
                if answer.status < 500 || attempt == tries { return answer }
            } catch {
                guard attempt < tries else { throw error as? AWSError ?? NetworkFailure.error(error) }
            }
            await pause(for: .milliseconds(100 << attempt))
            attempt += 1
        }
    }

    /// A loop for timers.
    var loop: any EventLoop { client.eventLoopGroup.any() }

    /// Waits, also if the task is cancelled.
    func pause(for duration: Duration) async {
        let timer = loop.scheduleTask(in: TimeAmount(duration)) {}
        // Nothing cancels it; the loops of a process run as long as it does.
        try? await timer.futureResult.get()
    }
}
