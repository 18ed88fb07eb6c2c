import Foundation
import NightjarCore
import TestServers
import Testing
import Waiting

@testable import NightjarRabbitMQ

@Suite("TLS", .serialized)
struct TLSTests {
    private func options(
        _ server: RabbitMQServer, _ queue: String, host: String = "localhost", _ tls: RabbitMQTLSOptions
    ) -> RabbitMQOptions {
        server.options(queue) {
            $0.connection.url = server.url(tls: true, host: host)
            $0.connection.tls = tls
        }
    }

    private func file(_ server: RabbitMQServer, _ name: String) -> String {
        server.folder.appendingPathComponent(name).path
    }

    @Test("with the authority's file and a client certificate messages come, more than one record of them")
    func works() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("tls")
        try server.declare(queue)
        try server.python(
            #"for i in range(200): channel.basic_publish("", sys.argv[1], str(i).encode() * 1000)"#, queue)
        let tls = RabbitMQTLSOptions(
            caFile: file(server, "ca.pem"), certificateFile: file(server, "client.pem"),
            keyFile: file(server, "client.key"))
        let intake = FakeIntake()
        try await receiving(options(server, queue, tls), intake) { _ in
            try await eventually("all came") { intake.snapshot.taken.count == 200 }
            try await eventually("all are acknowledged") { try server.depth(queue) == (0, 0) }
        }
        #expect(Set(intake.snapshot.texts).count == 200)
    }

    @Test("a server with another name, or of an unknown authority, is refused")
    func refused() async throws {
        let server = try await SharedServer.server()
        for (host, authority) in [("127.0.0.1", "ca.pem"), ("localhost", "other.pem")] {
            let options = options(server, "orders", host: host, RabbitMQTLSOptions(caFile: file(server, authority)))
            try await receiving(options, FakeIntake(), waitsUntilRunning: false) { watched in
                try await eventually("it is refused") { watched.failure != nil }
                let failure = try #require(watched.failure)
                #expect(failure.contains("cannot connect to amqps://\(host)"))
                #expect(failure.contains(host == "localhost" ? "cert verification failed" : "hostname"), "\(failure)")
            }
        }
    }

    @Test("without checking any server will do; that must be asked for")
    func unchecked() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("unchecked")
        try server.declare(queue)
        let tls = RabbitMQTLSOptions(verifiesServer: false)
        try await receiving(options(server, queue, host: "127.0.0.1", tls), FakeIntake()) { _ in }
    }
}
