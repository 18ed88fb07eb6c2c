import CloudEvents
import NIOHTTP1
import NetworkFailures
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A request to a service, before it is signed.
struct AWSRequest: Sendable {
    var method = "POST"
    /// Behind the endpoint's own path, encoded.
    var path = "/"
    /// Encoded; empty for none.
    var query = ""
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
}

/// How far this machine's clock is from AWS's: requests with a wrong time are refused.
final class ClockOffset: Sendable {
    private let offset = Mutex(Duration.zero)

    /// The time there.
    func corrected(_ now: Timestamp) -> Timestamp { now + offset.withLock { $0 } }

    /// Takes the time from the head of an answer.
    /// - Returns: whether that differs from what was believed.
    func learn(from headers: HTTPHeaders, now: Timestamp) -> Bool {
        guard let date = headers.first(name: "date"), let there = HTTPDate.timestamp(date) else { return false }
        let difference = there - now
        return offset.withLock { offset in
            let change = difference - offset
            guard change > .seconds(60) || change < .seconds(-60) else { return false }
            offset = difference
            return true
        }
    }
}

/// One service of AWS at one endpoint: signs requests, sends them, and reads failures.
struct AWSService: Sendable {
    /// For people.
    let name: String
    let signer: SigV4
    let endpoint: AWSEndpoint
    let exchange: HTTPExchange
    var now: @Sendable () -> Timestamp = { wallClock() }
    let clock = ClockOffset()

    /// Sends a request that is signed with credentials of the cache. If the service does not take them, or the time, and
    /// there are others, it is sent once more at once.
    /// - Throws: ``AWSError``; `CancellationError` if `isStoppable` and the task was cancelled.
    func send(
        _ request: AWSRequest, signedBy cache: CredentialsCache, timeout: Duration, isStoppable: Bool = false
    ) async throws -> HTTPAnswer {
        let credentials = try await cache.credentials()
        do {
            return try await attempt(request, credentials, timeout, isStoppable)
        } catch let error as AWSError where error.code == .rejectedCredentials || error.code == .clockSkew {
            guard error.code == .rejectedCredentials else {
                return try await attempt(request, credentials, timeout, isStoppable)
            }
            cache.reject(credentials)
            let others = try await cache.credentials()
            guard others != credentials else { throw error }
            return try await attempt(request, others, timeout, isStoppable)
        }
    }

    /// Sends a request that is not given up, and tries again after a failure that may pass.
    func send(
        _ request: AWSRequest, signedWith credentials: AWSCredentials?, timeout: Duration, tries: Int
    ) async throws(AWSError) -> HTTPAnswer {
        var failures = 0
        while true {
            do {
                return try await attempt(request, credentials, timeout, false)
            } catch {
                let error = NetworkFailure.error(error)
                failures += 1
                guard error.isTransient, failures < tries else { throw error }
                await exchange.pause(for: min(.seconds(2), error.wait(afterFailure: failures)))
            }
        }
    }

    private func attempt(
        _ request: AWSRequest, _ credentials: AWSCredentials?, _ timeout: Duration, _ isStoppable: Bool
    ) async throws -> HTTPAnswer {
        let target = endpoint.path + request.path + (request.query.isEmpty ? "" : "?\(request.query)")
        var headers = [(name: "host", value: endpoint.host)] + request.headers
        if let credentials {
            headers += signer.sign(
                method: request.method, target: target, headers: headers, payload: .bytes(request.body),
                with: credentials, at: clock.corrected(now()))
        }
        let answer: HTTPAnswer
        do {
            let origin = endpoint.url.dropLast(endpoint.path.utf8.count)
            answer = try await exchange.send(
                request.method, origin + target, headers: headers, body: request.body, timeout: timeout,
                isStoppable: isStoppable)
        } catch var error as AWSError {
            error.message = "\(name) at \(endpoint.host) cannot be reached: \(error.message)"
            throw error
        }
        guard !(200...299).contains(answer.status) else { return answer }
        let error = ServiceFailure(answer).error(of: name)
        if error.code == .clockSkew { _ = clock.learn(from: answer.headers, now: now()) }
        throw error
    }
}

/// The time by this machine.
func wallClock() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Timestamp(microsecondsSince1970: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
}
