import Foundation
import Synchronization
import Waiting

#if canImport(Glibc)
    import Glibc
#endif

/// A server that stands in for AWS (Amazon SQS, SNS, S3, STS): PyPI's `moto`, which keeps everything in memory. `scripts/aws_server.py`
/// holds it to what SQS promises.
public final class MotoServer: Sendable {
    /// The port it listens on, the same after a restart.
    public let port: Int
    private let folder: URL
    private let arguments: [String]
    private let variables: [String: String]
    private let process: Mutex<ChildProcess?>
    private let scripts = Mutex(0)

    /// Starts a server on a free port, and waits until it answers.
    /// - Parameters:
    ///   - arguments: more for its command line: `--ssl`.
    ///   - variables: what its environment has beside that of the tests.
    public init(arguments: [String] = [], variables: [String: String] = [:]) async throws {
        port = try TestPort.free()
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("moto-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        self.arguments = arguments
        self.variables = variables
        process = Mutex(nil)
        try await start()
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: folder)
    }

    /// Where it listens.
    public var url: String { "http://127.0.0.1:\(port)" }

    /// The URL of a queue.
    public func queue(_ name: String) -> String { "\(url)/123456789012/\(name)" }

    /// Starts it again, with nothing in it.
    public func start() async throws {
        let started = try ChildProcess(
            BrokerTools.program("python"),
            [BrokerTools.script("aws_server.py"), "-H", "127.0.0.1", "-p", "\(port)"] + arguments, in: folder.path,
            output: path("output"), errors: path("errors"), variables: variables)
        process.withLock { $0 = started }
        try await eventually("moto answers", details: { String(text("errors").suffix(2000)) }) {
            guard started.status() == nil else {
                throw TestServerFailure("moto ended: \(text("errors").suffix(2000))")
            }
            return TestPort.answers(port)
        }
    }

    /// Ends it at once.
    public func kill() {
        guard let running = process.withLock({ $0.take() }) else { return }
        // One that is halted would not die.
        running.signal(SIGCONT)
        running.signal(SIGKILL)
        _ = running.wait()
    }

    /// Halts it: connections stay, and nothing is answered.
    public func halt() { process.withLock { $0?.signal(SIGSTOP) } }

    /// Lets it go on.
    public func goOn() { process.withLock { $0?.signal(SIGCONT) } }

    /// Runs Python with `boto3`, AWS's own client. There are the clients `sqs`, `sns` and `s3`, `url` with the server's URL,
    /// the function `queue` that makes a queue, `depth` that tells how many messages it has (visible, and hidden), and the list
    /// `args`; what is given to `show` is the answer.
    @discardableResult
    public func boto(_ script: String, _ arguments: String..., seconds: Int = 120) async throws -> String {
        let number = scripts.withLock { count in
            count += 1
            return count
        }
        let (input, output, errors) = ("script-\(number).py", "answer-\(number)", "script-\(number).errors")
        try Data((Self.prelude + script).utf8).write(to: folder.appendingPathComponent(input))
        let python = try ChildProcess(
            BrokerTools.program("python"), [path(input), url] + arguments, in: folder.path, output: path(output),
            errors: path(errors))
        defer { python.signal(SIGKILL) }
        try await eventually("Python ends", within: .seconds(seconds)) { python.status() != nil }
        guard python.wait() == 0 else {
            throw TestServerFailure("Python ended with \(python.wait()): \(text(errors).suffix(2000))")
        }
        return text(output).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    private func text(_ name: String) -> String {
        (try? String(contentsOfFile: path(name), encoding: .utf8)) ?? ""
    }

    private static let prelude = """
        import sys, json, boto3, botocore.config
        url, args = sys.argv[1], sys.argv[2:]
        def client(name, url=url):
            return boto3.client(name, endpoint_url=url, region_name='us-east-1', aws_access_key_id='AKIATEST',
                aws_secret_access_key='secret', verify=False,
                config=botocore.config.Config(retries={'max_attempts': 0}))
        sqs, sns, s3 = client('sqs'), client('sns'), client('s3')
        def show(value):
            print(value if isinstance(value, str) else json.dumps(value))
        def queue(name, **attributes):
            return sqs.create_queue(QueueName=name, Attributes={k: str(v) for k, v in attributes.items()})['QueueUrl']
        def depth(queue):
            a = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=['All'])['Attributes']
            return a['ApproximateNumberOfMessages'] + ' ' + a['ApproximateNumberOfMessagesNotVisible']

        """
}
