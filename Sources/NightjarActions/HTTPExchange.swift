import AsyncHTTPClient
import NIOCore
import NetworkFailures

/// One request and its answer, within one time limit.
struct HTTPExchange: Sendable {
    let client: HTTPClient
    let timeout: Duration
    let bodyLimit: Int

    /// Makes the request and reads the answer.
    /// - Throws: if there is no answer: what the client throws, or `CancellationError`. An answer that breaks off is none
    ///   of these: its status has been given.
    func run(_ request: HTTPClientRequest) async throws -> HTTPAnswer {
        let clock = ContinuousClock()
        let deadline = clock.now + timeout
        let response = try await client.execute(request, timeout: TimeAmount(timeout))
        // The client's own time limit ends with the answer's head.
        let (body, ending) = await withTaskGroup(of: (body: [UInt8], ending: HTTPAnswer.Ending)?.self) { tasks in
            tasks.addTask { await read(response.body) }
            tasks.addTask {
                // Ends early when the body has been read, or when the run is stopped.
                try? await clock.sleep(until: deadline)
                return nil
            }
            let first = await tasks.next().flatMap { $0 }
            tasks.cancelAll()
            if let first { return first }
            let rest = await tasks.next().flatMap { $0 }
            return (rest?.body ?? [], .timedOut)
        }
        try Task.checkCancellation()
        return HTTPAnswer(head: response.status, headers: response.headers, body: body, ending: ending)
    }

    private func read(_ body: HTTPClientResponse.Body) async -> (body: [UInt8], ending: HTTPAnswer.Ending) {
        var bytes: [UInt8] = []
        do {
            for try await chunk in body {
                let room = bodyLimit - bytes.count
                bytes += chunk.readableBytesView.prefix(room)
                if chunk.readableBytes > room { return (bytes, .cutOff) }
            }
            return (bytes, .complete)
        } catch {
            return (bytes, .failed(NetworkFailure.describe(error)))
        }
    }
}
