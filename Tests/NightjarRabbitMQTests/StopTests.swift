import CloudEvents
import NightjarCore
import TestServers
import Testing
import Waiting

@testable import NightjarRabbitMQ

@Suite("The end of a source", .serialized)
struct StopTests {
    @Test("what is in hand when it stops is waited for and acknowledged; nothing else is lost")
    func graceful() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("graceful")
        try server.declare(queue)
        try server.send(50, to: queue)
        let gate = Gate()
        let intake = FakeIntake(gate: gate)
        try await withThrowingTaskGroup(of: Void.self) { group in
            let options = server.options(queue) { $0.prefetch = 10 }
            group.addTask {
                try await receiving(options, intake) { _ in
                    try await eventually("the prefetch is in hand") { intake.snapshot.inHand == 10 }
                }
            }
            try await eventually("it is cancelled") { intake.snapshot.inHand == 10 }
            // By now it is told to stop, and waits; the answers come late.
            try await eventually("it consumes no more") {
                let consumers = try server.control("list_queues", "name", "consumers")
                return consumers.contains("\(queue)\t0")
            }
            #expect(intake.snapshot.inHand == 10)
            gate.open()
            try await group.waitForAll()
        }
        #expect(intake.snapshot.taken.count == 10)
        #expect(try server.depth(queue) == (40, 0))
    }

    @Test("when a node stops, the others get what it has not taken")
    func sharedQueue() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("two")
        try server.declare(queue)
        try server.send(200, to: queue)
        let gate = Gate()
        // The first takes a few, and is stopped with the rest in hand.
        let stopping = FakeIntake(gate: gate) { (batch) throws(IntakeError) in
            throw IntakeError(.stopping, "the node is stopping")
        }
        let other = FakeIntake()
        try await receiving(server.options(queue) { $0.prefetch = 100 }, stopping) { _ in
            try await eventually("it has messages in hand") { stopping.snapshot.inHand == 100 }
            try await receiving(server.options(queue), other) { _ in
                try await eventually("the other takes the rest") { other.snapshot.taken.count == 100 }
                gate.open()
                try await eventually("the other takes what comes back") { other.snapshot.taken.count == 200 }
                try await eventually("all is acknowledged") { try server.depth(queue) == (0, 0) }
            }
        }
        #expect(stopping.snapshot.taken.isEmpty)
        #expect(Set(other.snapshot.texts).count == 200)
    }

    @Test("what a consumer that is killed had in hand comes to another one at once")
    func killed() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("killed")
        try server.declare(queue)
        try server.send(100, to: queue)
        try server.python(
            """
            channel.basic_qos(prefetch_count=50)
            import os
            n = 0
            for method, properties, body in channel.consume(sys.argv[1]):
                n += 1
                if n == 50: os._exit(0)
            """, queue)
        let intake = FakeIntake()
        try await receiving(server.options(queue), intake) { _ in
            try await eventually("all are taken") { intake.snapshot.taken.count == 100 }
        }
        #expect(intake.snapshot.taken.count { $0.event.extensions["redelivered"] == .boolean(true) } == 50)
    }

    @Test("a full intake holds the messages; they are taken when there is room")
    func full() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("full")
        try server.declare(queue)
        try server.send(10, to: queue)
        let isOpen = Flag()
        let intake = FakeIntake { (batch) throws(IntakeError) in
            guard isOpen.isSet else { throw IntakeError(.full, "full") }
            return accepted(batch)
        }
        try await receiving(server.options(queue), intake) { watched in
            try await eventually("it was offered again") { intake.snapshot.offered.count > 20 }
            #expect(try server.depth(queue) == (0, 10))
            isOpen.set()
            try await eventually("all are taken") { intake.snapshot.taken.count == 10 }
            #expect(watched.health == .running)
        }
    }
}
