import AsyncHTTPClient
import NIOCore
import Synchronization

/// The clients that make requests. They are shared by all actions and live as long as the process: a configuration that is
/// read again finds the connections of the one before.
enum RequestClients {
    /// As many connections to one host as a node may have runs at once: the job's concurrency is the limit, and waiting for
    /// a connection must not use up a request's time.
    private static let connectionsPerHost = 10_000
    /// How many redirects can be followed at most.
    static let mostRedirects = 10

    /// By the number of redirects they follow, which the library makes a property of the client.
    private static let clients = Mutex<[Int: HTTPClient]>([:])

    static func client(redirects: Int) -> HTTPClient {
        clients.withLock { clients in
            if let client = clients[redirects] { return client }
            let client = make(redirects: redirects)
            clients[redirects] = client
            return client
        }
    }

    private static func make(redirects: Int) -> HTTPClient {
        var configuration = HTTPClient.Configuration()
        // A job's request is repeated as it is where the protocol allows it (RFC 9110, section 15.4).
        configuration.redirectConfiguration =
            redirects == 0
            ? .disallow
            : .follow(
                configuration: .init(
                    max: redirects, allowCycles: false, retainHTTPMethodAndBodyOn301: true,
                    retainHTTPMethodAndBodyOn302: true))
        configuration.timeout.connect = .seconds(10)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = connectionsPerHost
        // A server that is not there is tried again by the job's retry policy, not within the attempt.
        configuration.connectionPool.retryConnectionEstablishment = false
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }
}
