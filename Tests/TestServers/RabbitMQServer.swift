public import Foundation
import Synchronization
import Waiting

#if canImport(Glibc)
    import Glibc
#endif

/// A RabbitMQ server of Debian's on free ports of the loopback interface, with a folder of its own. Whatever becomes of the
/// tests' process, the server and its port mapper end with it.
public final class RabbitMQServer: Sendable {
    /// Where its data, its logs and its certificates are.
    public let folder: URL
    /// The port for AMQP.
    public let port: Int
    /// The port for AMQP with TLS, if it was started with certificates.
    public let tlsPort: Int
    private let mapperPort: Int
    private let distributionPort: Int
    private let process = Mutex<ChildProcess?>(nil)
    private let watcher = Mutex<ChildProcess?>(nil)

    /// Prepares a server; ``start()`` starts it.
    /// - Parameters:
    ///   - configuration: lines of `rabbitmq.conf` beside those that are needed.
    public init(configuration: [String] = [], withTLS: Bool = false) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("rabbitmq-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        port = try TestPort.free()
        tlsPort = try TestPort.free()
        mapperPort = try TestPort.free()
        distributionPort = try TestPort.free()
        var lines = configuration
        if withTLS {
            try makeCertificates()
            lines += [
                "listeners.ssl.1 = 127.0.0.1:\(tlsPort)",
                "ssl_options.cacertfile = \(folder.path)/ca.pem", "ssl_options.certfile = \(folder.path)/server.pem",
                "ssl_options.keyfile = \(folder.path)/server.key", "ssl_options.verify = verify_peer",
                "ssl_options.fail_if_no_peer_cert = false",
            ]
        }
        try (lines.joined(separator: "\n") + "\n").write(
            to: folder.appendingPathComponent("rabbitmq.conf"), atomically: true, encoding: .utf8)
        try "[].".write(to: folder.appendingPathComponent("plugins"), atomically: true, encoding: .utf8)
    }

    deinit {
        kill()
        watcher.withLock { watcher in
            watcher?.signal(SIGKILL)
            _ = watcher?.wait()
        }
        stopMapper()
        try? FileManager.default.removeItem(at: folder)
    }

    /// The URL of a user at the server.
    public func url(user: String = "guest:guest", tls: Bool = false, host: String = "127.0.0.1", vhost: String = "")
        -> String
    {
        "\(tls ? "amqps" : "amqp")://\(user)@\(host):\(tls ? tlsPort : port)/\(vhost)"
    }

    // MARK: Starting and ending

    /// Starts the server and waits until it serves.
    public func start() async throws {
        let child = try ChildProcess(
            "/usr/lib/rabbitmq/bin/rabbitmq-server", ["-noinput"], in: folder.path, output: file("output"),
            errors: file("errors"), variables: variables)
        process.withLock { $0 = child }
        try watch(child)
        try await eventually(
            "RabbitMQ serves", within: .seconds(120), details: { String(text(of: "log/node.log").suffix(1000)) }
        ) {
            if let status = child.status() {
                throw TestServerFailure("RabbitMQ ended with \(status): \(self.text(of: "output").suffix(1000))")
            }
            return self.text(of: "log/node.log").contains("Server startup complete") && TestPort.answers(self.port)
        }
    }

    /// Lets it write out what it knows of its queues: its logs of them are written a while after it has said that they are there.
    public func sync() throws { try control("eval", "lists:foreach(fun disk_log:sync/1, disk_log:all()).") }

    /// Kills it, as a power cut would. What it has written stays.
    public func kill() {
        process.withLock { process in
            process?.signal(SIGKILL)
            _ = process?.wait()
            process = nil
        }
        // The next start's log must not be taken for this one's.
        try? FileManager.default.removeItem(atPath: file("log/node.log"))
    }

    /// Holds it still: it answers nothing, but its connections stay.
    public func freeze() { process.withLock { $0?.signal(SIGSTOP) } }

    /// Lets it go on.
    public func thaw() { process.withLock { $0?.signal(SIGCONT) } }

    /// Ends it together with the tests, even if these are killed.
    private func watch(_ child: ChildProcess) throws {
        let script = """
            while kill -0 \(getpid()) 2>/dev/null; do sleep 1; done
            kill -9 \(child.pid); sleep 1; epmd -kill; rm -rf "$0"
            """
        let new = try ChildProcess(
            "sh", ["-c", script, folder.path], in: "/", output: "/dev/null", errors: "/dev/null", variables: variables)
        watcher.withLock { watcher in
            watcher?.signal(SIGKILL)
            _ = watcher?.wait()
            watcher = new
        }
    }

    private func stopMapper() {
        let mapper = try? ChildProcess(
            "epmd", ["-kill"], in: "/", output: "/dev/null", errors: "/dev/null", variables: variables)
        _ = mapper?.wait()
    }

    /// What the server, its tools and its port mapper are told by their environment.
    public var variables: [String: String] {
        [
            "HOME": folder.path, "RABBITMQ_NODENAME": "rabbit@localhost",
            "RABBITMQ_MNESIA_BASE": file("mnesia"), "RABBITMQ_LOG_BASE": file("log"),
            "RABBITMQ_LOGS": file("log/node.log"), "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": "\(port)", "RABBITMQ_DIST_PORT": "\(distributionPort)",
            "ERL_EPMD_PORT": "\(mapperPort)", "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_ENABLED_PLUGINS_FILE": file("plugins"), "RABBITMQ_CONFIG_FILE": file("rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            // The script becomes the server: its process number stays.
            "RABBITMQ_ALLOW_INPUT": "1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS":
                "-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
        ]
    }

    // MARK: Looking and asking

    private func file(_ name: String) -> String { folder.appendingPathComponent(name).path }

    private func text(of name: String) -> String { (try? String(contentsOfFile: file(name), encoding: .utf8)) ?? "" }

    /// Runs a command of `rabbitmqctl`, and answers what it prints.
    @discardableResult
    public func control(_ arguments: String...) throws -> String {
        let output = file("control-\(UUID().uuidString)")
        let child = try ChildProcess(
            "/usr/lib/rabbitmq/bin/rabbitmqctl", ["-q"] + arguments, in: folder.path, output: output, errors: output,
            variables: variables)
        let status = child.wait()
        let text = (try? String(contentsOfFile: output, encoding: .utf8)) ?? ""
        guard status == 0 else { throw TestServerFailure("rabbitmqctl \(arguments) ended with \(status): \(text)") }
        return text
    }

    /// Runs a program in Python with pika: `channel` is open, and confirms what it publishes; arguments are in `sys.argv`.
    @discardableResult
    public func python(_ program: String, _ arguments: String..., confirms: Bool = true) throws -> String {
        let source = """
            import json, pika, sys, time
            connection = pika.BlockingConnection(pika.URLParameters("\(url())%2F"))
            channel = connection.channel()
            \(confirms ? "channel.confirm_delivery()" : "")
            \(program)
            connection.close()
            """
        let name = UUID().uuidString
        try source.write(toFile: file("\(name).py"), atomically: true, encoding: .utf8)
        let child = try ChildProcess(
            BrokerTools.program("python"), [file("\(name).py")] + arguments, in: folder.path,
            output: file("\(name).out"),
            errors: file("\(name).err"))
        guard child.wait() == 0 else {
            throw TestServerFailure("the program in Python failed: \(text(of: "\(name).err").suffix(1500))")
        }
        return text(of: "\(name).out")
    }

    /// Certificates of an authority of our own: for the server, called `localhost` and 127.0.0.1, and for a client.
    private func makeCertificates() throws {
        let script = """
            set -e
            openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj "/CN=Test CA"
            openssl req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -days 2 -subj "/CN=Other CA"
            for name in server client; do
              openssl req -newkey rsa:2048 -nodes -keyout $name.key -out $name.csr -subj "/CN=$name"
            done
            printf "subjectAltName=DNS:localhost" > names
            openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out server.pem -extfile names
            openssl x509 -req -in client.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out client.pem
            """
        let child = try ChildProcess(
            "sh", ["-c", script], in: folder.path, output: file("openssl"), errors: file("openssl"))
        guard child.wait() == 0 else { throw TestServerFailure("no certificates: \(text(of: "openssl"))") }
    }
}
