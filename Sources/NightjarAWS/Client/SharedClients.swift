import AsyncHTTPClient
import NIOCore
import NIOSSL
import Synchronization

/// The HTTP clients, one for each kind of connection. They live as long as the process: a configuration that is read again
/// finds the connections of the one before.
enum SharedClients {
    private struct Kind: Hashable {
        var tls: AWSTLS
        var connectTimeout: Duration
    }

    private static let clients = Mutex<[Kind: HTTPClient]>([:])

    /// - Throws: if a file with certificates or a key cannot be read.
    static func client(for options: AWSOptions) throws(AWSError) -> HTTPClient {
        let kind = Kind(tls: options.tls, connectTimeout: options.connectTimeout)
        if let client = clients.withLock({ $0[kind] }) { return client }
        let tls = try configuration(options.tls)
        return clients.withLock { clients in
            if let client = clients[kind] { return client }
            let client = make(tls, options.connectTimeout)
            clients[kind] = client
            return client
        }
    }

    private static func make(_ tls: TLSConfiguration, _ connectTimeout: Duration) -> HTTPClient {
        var configuration = HTTPClient.Configuration(tlsConfiguration: tls, redirectConfiguration: .disallow)
        configuration.timeout.connect = TimeAmount(connectTimeout)
        // Long polls keep their connections; a request must not wait for one of them.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 1000
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.httpVersion = .http1Only
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    private static func configuration(_ tls: AWSTLS) throws(AWSError) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if !tls.checksServerName { configuration.certificateVerification = .noHostnameVerification }
        do {
            if let file = tls.caFile {
                let certificates = try NIOSSLCertificate.fromPEMFile(file)
                configuration.trustRoots = .certificates(certificates)
            }
            if let file = tls.certificateFile {
                configuration.certificateChain = try NIOSSLCertificate.fromPEMFile(file).map { .certificate($0) }
            }
            if let file = tls.keyFile {
                configuration.privateKey = .privateKey(try NIOSSLPrivateKey(file: file, format: .pem))
            }
        } catch {
            throw AWSError(
                .configuration,
                "a file with certificates or a key cannot be read: \(error); expected PEM in \([tls.caFile, tls.certificateFile, tls.keyFile].compactMap { $0 }.joined(separator: ", "))",
                underlying: error)
        }
        return configuration
    }
}
