import CloudEvents
import Nightjar
import NightjarCore
import Synchronization
import TestServers
import Testing
import Waiting

@testable import NightjarRabbitMQ

@Suite("Failures of the server and of its settings", .serialized)
struct FailureTests {
    @Test("the server is killed and starts again while messages are consumed: none that was confirmed is lost")
    func killed() async throws {
        let server = try RabbitMQServer()
        try await server.start()
        try server.declare("orders")
        try server.sync()
        try server.send(300, to: "orders")
        let gate = Gate()
        let intake = FakeIntake(gate: gate)
        try await receiving(server.options("orders") { $0.prefetch = 50 }, intake) { watched in
            try await eventually("some are in hand") { intake.snapshot.inHand == 50 }
            server.kill()
            try await eventually("the loss is seen") { watched.failure != nil }
            #expect(watched.failure?.contains("127.0.0.1:\(server.port)") == true)
            gate.open()
            try await server.start()
            try await eventually("it receives again") { watched.health == .running }
            #expect(watched.reconnects == 1)
            try server.send(100, to: "orders", from: 300)
            try await eventually("all came") { Set(intake.snapshot.texts).count == 400 }
            try await eventually("all are acknowledged") { try server.depth("orders") == (0, 0) }
        }
        #expect(Set(intake.snapshot.texts) == Set((0..<400).map { "\($0)" }))
    }

    @Test("a server that falls silent is given up after two heartbeats, and found again")
    func silent() async throws {
        let server = try RabbitMQServer()
        try await server.start()
        try server.declare("orders")
        let intake = FakeIntake()
        let options = server.options("orders") {
            $0.connection.timeout = .seconds(1)
            $0.connection.heartbeat = .seconds(1)
        }
        try await receiving(options, intake) { watched in
            try server.send(1, to: "orders")
            try await eventually("it receives") { intake.snapshot.taken.count == 1 }
            let clock = ContinuousClock()
            let frozenAt = clock.now
            server.freeze()
            try await eventually("the silence is noticed") { watched.failure != nil }
            let (failure, noticedAt) = try #require(watched.firstFailure(since: frozenAt))
            #expect(failure.contains("silent"))
            #expect(noticedAt - frozenAt < .seconds(6))
            server.thaw()
            try await eventually("it receives again") { watched.health == .running }
            try server.send(1, to: "orders", from: 1)
            try await eventually("it receives") { Set(intake.snapshot.texts) == ["0", "1"] }
        }
    }

    @Test("a wrong password is said, without the password, and tried again until it is right")
    func wrongPassword() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("secret")
        let user = server.unique("user")
        try server.declare(queue)
        try server.send(1, to: queue)
        let intake = FakeIntake()
        let options = server.options(queue) { $0.connection.url = server.url(user: "\(user):hunter2") }
        try await receiving(options, intake, waitsUntilRunning: false) { watched in
            try await eventually("it is refused") { watched.failure != nil }
            let failure = try #require(watched.failure)
            #expect(failure.contains("refuses the user \"\(user)\""))
            #expect(!failure.contains("hunter2"))
            try server.control("add_user", user, "hunter2")
            try await eventually("the virtual host is refused") { watched.failure?.contains("access to vhost") == true }
            try server.control("set_permissions", user, "", "", "")
            try await eventually("the queue is refused") { watched.failure?.contains("access to queue") == true }
            try server.control("set_permissions", user, "", "", ".*")
            try await eventually("it receives") { intake.snapshot.taken.count == 1 }
            // While it runs: the user is deleted, which ends the connection, and comes back.
            try server.control("delete_user", user)
            try server.control("close_all_user_connections", user, "test")
            try await eventually("it is refused again") { watched.failure?.contains("refuses the user") == true }
            try server.control("add_user", user, "hunter2")
            try server.control("set_permissions", user, "", "", ".*")
            try await eventually("it receives again") { watched.health == .running }
            #expect(watched.reconnects >= 1)
        }
    }

    @Test("a queue that is not there yet is used as soon as it is; one that is deleted is waited for")
    func missingQueue() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("later")
        let intake = FakeIntake()
        try await receiving(server.options(queue), intake, waitsUntilRunning: false) { watched in
            try await eventually("it is missed") { watched.failure != nil }
            #expect(watched.failure?.contains("no queue '\(queue)' in vhost '/'") == true)
            try server.declare(queue)
            try server.send(1, to: queue)
            try await eventually("it receives") { intake.snapshot.taken.count == 1 }
            let before = ContinuousClock.now
            try server.python("channel.queue_delete(sys.argv[1])", queue)
            try await eventually("the deletion is noticed at once") { watched.firstFailure(since: before) != nil }
            // By what the server says of itself, not by the question that is put to it now and then.
            #expect(watched.firstFailure(since: before)?.reason.contains("the server ended consuming") == true)
            try server.declare(queue)
            try server.send(1, to: queue, from: 1)
            try await eventually("it receives again") { intake.snapshot.taken.count == 2 }
        }
    }

    @Test("a missing virtual host is said")
    func missingVirtualHost() async throws {
        let server = try await SharedServer.server()
        let options = server.options("orders") { $0.connection.url = server.url(vhost: "nowhere") }
        try await receiving(options, FakeIntake(), waitsUntilRunning: false) { watched in
            try await eventually("it is missed") { watched.failure?.contains("nowhere") == true }
        }
    }

    @Test(
        "told to stop while it waits for the answer to its login, it does not wait until that is late",
        .timeLimit(.minutes(1)))
    func stoppedAtLogin() async throws {
        let silent = try SilentPort()
        var options = RabbitMQOptions(url: "amqp://guest@127.0.0.1:\(silent.port)", queue: "orders")
        options.connection.timeout = .seconds(300)
        try await receiving(options, FakeIntake(), waitsUntilRunning: false) { _ in
            try await eventually("it waits for an answer", within: .seconds(30)) { silent.hears() }
        }
    }

    /// A clock on which nothing is waited for; it remembers what would have been.
    private final class HastyClock: TimeSource {
        private let system = SystemTimeSource()
        private let waits = Mutex<[Duration]>([])
        var now: Timestamp { system.now }
        var elapsed: Duration { system.elapsed }
        var waited: [Duration] { waits.withLock { $0 } }

        func sleep(until deadline: Timestamp) async throws { try await sleep(for: deadline - now) }
        func sleep(for duration: Duration) async throws {
            waits.withLock { $0.append(duration) }
            try Task.checkCancellation()
        }
    }

    @Test("nobody listens: the reason is said, and tries are not many")
    func nobody() async throws {
        let port = try TestPort.free()
        let options = RabbitMQOptions(url: "amqp://guest:secret@127.0.0.1:\(port)", queue: "orders")
        let clock = HastyClock()
        try await receiving(options, FakeIntake(), time: clock, waitsUntilRunning: false) { watched in
            try await eventually("it is said") { watched.failure != nil }
            #expect(watched.failure?.contains("cannot connect to amqp://127.0.0.1:\(port)/%2F") == true)
            try await eventually("it is tried again") { clock.waited.count >= 20 }
        }
        // On the average, 200 seconds: a quarter of one at first, then twice as long each time, half a minute at most.
        #expect(clock.waited.prefix(20).reduce(.zero, +) > .seconds(30))
    }

    @Test("queue, exchange and binding are made when that is asked for; another kind of queue is refused")
    func declared() async throws {
        let server = try await SharedServer.server()
        let (queue, exchange) = (server.unique("made"), server.unique("events"))
        let intake = FakeIntake()
        let options = server.options(queue, kind: .quorum) {
            $0.declare = true
            $0.arguments = ["x-delivery-limit": 5]
            $0.exchanges = [.init(exchange, type: "topic")]
            $0.bindings = [.init(exchange: exchange, routingKey: "orders.#")]
        }
        try await receiving(options, intake) { watched in
            try server.python(
                #"channel.basic_publish(sys.argv[1], "orders.new.de", b"hello", mandatory=True)"#, exchange)
            try await eventually("it came") { intake.snapshot.texts == ["hello"] }
            // Deleted, it is made again.
            try server.python("channel.queue_delete(sys.argv[1])", queue)
            try await eventually("it receives again") { watched.reconnects == 1 }
            try server.python(
                #"channel.basic_publish(sys.argv[1], "orders.new.de", b"again", mandatory=True)"#, exchange)
            try await eventually("it came") { intake.snapshot.texts == ["hello", "again"] }
        }
        // A queue that others made as they make it is used as it is.
        let plain = server.unique("plain")
        try server.declare(plain)
        try await receiving(server.options(plain) { $0.declare = true }, intake) { _ in }
        let other = server.options(queue) { $0.declare = true }
        try await receiving(other, intake, waitsUntilRunning: false) { watched in
            try await eventually("it is refused") { watched.failure?.contains("inequivalent arg") == true }
        }
    }

    @Test("an exclusive consumer waits for the other one to end, and takes over")
    func exclusive() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("exclusive")
        try server.declare(queue)
        let (first, second) = (FakeIntake(), FakeIntake())
        let options = server.options(queue) { $0.exclusive = true }
        try await withThrowingTaskGroup(of: Void.self) { group in
            let refused = Flag()
            let isFirst = Flag()
            group.addTask {
                try await receiving(options, first) { _ in
                    isFirst.set()
                    try await eventually("the other is refused") { refused.isSet }
                }
            }
            try await eventually("the first receives") { isFirst.isSet }
            try await receiving(options, second, waitsUntilRunning: false) { watched in
                try await eventually("it is refused") { watched.failure?.contains("exclusive") == true }
                refused.set()
                try await eventually("it takes over") { watched.health == .running }
                try server.send(1, to: queue)
                try await eventually("it receives") { second.snapshot.taken.count == 1 }
            }
            try await group.waitForAll()
        }
        #expect(first.snapshot.taken.isEmpty)
    }
}
