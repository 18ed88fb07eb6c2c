import HTTPTestServer
import Hummingbird
import Logging
import Nightjar
import NightjarCore
import Synchronization
import TestServers
import Testing

@testable import NightjarAWS

/// Gives a suite one server, for as long as it lasts.
struct WithMoto: SuiteTrait, TestScoping {
    @TaskLocal static var shared: MotoServer?
    let isRecursive = false

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        let server = try await MotoServer()
        defer { server.kill() }
        try await Self.$shared.withValue(server, operation: function)
    }
}

extension Trait where Self == WithMoto {
    static var moto: WithMoto { WithMoto() }
}

func moto() throws -> MotoServer { try #require(WithMoto.shared) }

extension AWSOptions {
    /// How a test server is reached.
    static func test(_ url: String, requestTimeout: Duration = .seconds(10)) -> AWSOptions {
        AWSOptions(
            region: "us-east-1", endpoint: url,
            credentials: AWSCredentials(accessKeyID: "AKIATEST", secretAccessKey: "secret"),
            requestTimeout: requestTimeout)
    }
}

extension SQSOptions {
    /// A queue of a test server; what is hidden comes again soon.
    static func test(_ server: MotoServer, _ queue: String) -> SQSOptions {
        SQSOptions(
            queue: server.queue(queue), aws: .test(server.url), receivers: 2, wait: .seconds(1),
            visibilityTimeout: .seconds(30))
    }
}

/// Runs a source beside `body`, and stops it after it.
@discardableResult
func receiving<Value: Sendable>(
    _ options: SQSOptions, into intake: RecordingIntake, waitsUntilRunning: Bool = true,
    _ body: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    let source = try SQSSource(options, environment: AWSEnvironment(variables: [:]) { _ in nil })
    return try await withThrowingTaskGroup(of: Value?.self) { group in
        group.addTask {
            try await source.run(testContext(intake))
            return nil
        }
        group.addTask {
            if waitsUntilRunning { try await intake.wait("running") { $0.isRunning } }
            return try await body()
        }
        guard let value = try await group.next() ?? nil else { throw TestServerFailure("the source ended early") }
        group.cancelAll()
        _ = try await group.next()
        return value
    }
}

/// How many messages a queue has: visible, and hidden.
func depth(_ server: MotoServer, _ queue: String) async throws -> [String] {
    try await server.boto("show(depth(args[0]))", server.queue(queue)).split(separator: " ").map(String.init)
}

/// All that ``depth(_:_:)`` would tell while a queue's message, which has the queue's name as its body, is hidden for longer,
/// so many times.
func depths(_ server: MotoServer, _ queue: String, whileHiddenAgain times: Int) async throws -> [String] {
    let seen = try await server.boto(
        """
        import time, urllib.request
        name = args[0].split('/')[-1]
        seen, ends = set(), set()
        while len(ends) <= int(args[1]):
            seen.add(depth(args[0]))
            # What the server knows of all messages.
            known = json.load(urllib.request.urlopen(url + '/moto-api/data.json'))['sqs']['Message']
            ends.update(message['visible_at'] for message in known if message['body'] == name)
            time.sleep(0.02)
        show(' / '.join(sorted(seen)))
        """, server.queue(queue), "\(times)", seconds: 40)
    return seen.split(separator: " / ").map(String.init)
}

/// What a source gets that feeds an intake.
func testContext(_ intake: RecordingIntake, time: any TimeSource = SystemTimeSource()) -> SourceContext {
    SourceContext(
        trigger: "t", intake: intake, state: { [:] }, health: { intake.note($0) }, measure: { intake.note($0) },
        time: time, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
}

/// When things happened.
final class TimeLog: Sendable {
    private let times = Mutex<[ContinuousClock.Instant]>([])

    func note() { times.withLock { $0.append(.now) } }

    /// The times between them.
    var gaps: [Duration] { times.withLock { times in zip(times, times.dropFirst()).map { $1 - $0 } } }
}

extension Response {
    /// What AWS answers in its JSON protocol.
    static func json(_ body: String, status: Int = 200) -> Response {
        HTTPTestServer.response(status, [.contentType: "application/x-amz-json-1.0"], body)
    }
}
