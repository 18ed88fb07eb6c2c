import CloudEvents
import Foundation
import HTTPTestServer
import Hummingbird
import NIOHTTP1
import NIOSSL
import Nightjar
import NightjarCore
import NightjarTestKit
import Synchronization
import TestServers
import Testing
import Waiting

@testable import NightjarAWS

/// What no server here does of itself is answered by a fake one.
@Suite("The source of a queue, beside a fake service", .serialized, .timeLimit(.minutes(2)))
struct ServiceFaultTests {
    private final class Script: Sendable {
        private let answers: Mutex<[String: [Response]]>

        init(_ answers: [String: [Response]]) { self.answers = Mutex(answers) }

        /// The next answer to an operation; the last one stands for all that follow.
        func answer(_ asked: HeardRequest) -> Response {
            let operation = asked["x-amz-target"]?.split(separator: ".").last.map(String.init) ?? ""
            return answers.withLock { answers in
                guard let list = answers[operation], let first = list.first else { return .json("{}") }
                if list.count > 1 { answers[operation] = Array(list.dropFirst()) }
                return first
            }
        }
    }

    private static let message = Response.json(
        #"{"Messages":[{"MessageId":"m1","ReceiptHandle":"r1","Body":"x","Attributes":{"ApproximateReceiveCount":"1"}}]}"#
    )
    private static let nothing = Response.json("{}")

    private func options(_ server: LocalServer) -> SQSOptions {
        SQSOptions(
            queue: server.url("/1/q"), aws: .test(server.url("")), receivers: 1, wait: .seconds(1),
            visibilityTimeout: .seconds(30))
    }

    @Test("throttling is honoured: it is tried again, later and later, and told")
    func throttled() async throws {
        let times = TimeLog()
        let throttled = Response.json(
            #"{"__type":"com.amazonaws.sqs#RequestThrottled","message":"slow down"}"#, status: 400)
        let script = Script(["ReceiveMessage": Array(repeating: throttled, count: 6) + [Self.message, Self.nothing]])
        try await LocalServer.run(answering: { asked in
            if asked["x-amz-target"] == "AmazonSQS.ReceiveMessage" { times.note() }
            return script.answer(asked)
        }) { server in
            let intake = RecordingIntake()
            try await receiving(self.options(server), into: intake, waitsUntilRunning: false) {
                let failing = try await intake.wait("it is told") { $0.failure != nil }
                #expect(failing.failure?.contains("RequestThrottled: slow down") == true)
                try await intake.wait(for: ["x"])
            }
            #expect(intake.snapshot.isRunning && !intake.snapshot.measures.contains(.reconnected))
        }
        #expect(times.gaps.prefix(6).allSatisfy { $0 >= .milliseconds(20) })
    }

    @Test("a server that asks for a pause gets it")
    func retryAfter() async throws {
        let times = TimeLog()
        let busy = response(503, [.retryAfter: "1"], "busy")
        let script = Script(["ReceiveMessage": [busy, Self.message, Self.nothing]])
        try await LocalServer.run(answering: { asked in
            if asked["x-amz-target"] == "AmazonSQS.ReceiveMessage" { times.note() }
            return script.answer(asked)
        }) { server in
            let intake = RecordingIntake()
            try await receiving(self.options(server), into: intake, waitsUntilRunning: false) {
                try await intake.wait(for: ["x"])
            }
        }
        #expect((times.gaps.first ?? .zero) >= .seconds(1))
    }

    @Test("a delete that fails for one message is tried again for it alone")
    func failedDelete() async throws {
        let failed = Response.json(
            #"{"Failed":[{"Id":"0","Code":"InternalError","Message":"oh","SenderFault":false}],"Successful":[]}"#)
        let done = Response.json(#"{"Successful":[{"Id":"0"}]}"#)
        let script = Script([
            "ReceiveMessage": [Self.message, Self.nothing], "DeleteMessageBatch": [failed, failed, done],
        ])
        try await LocalServer.run(answering: script.answer) { server in
            let intake = RecordingIntake()
            try await receiving(self.options(server), into: intake) {
                try await eventually("it was deleted") {
                    server.requests.filter { $0["x-amz-target"] == "AmazonSQS.DeleteMessageBatch" }.count == 3
                }
            }
            let deletes = server.requests.filter { $0["x-amz-target"] == "AmazonSQS.DeleteMessageBatch" }
            #expect(deletes.allSatisfy { $0.text.contains(#"{"Id":"0","ReceiptHandle":"r1"}"#) })
            #expect(intake.snapshot.offered.count == 1)
        }
    }

    @Test("expired credentials are fetched again at once")
    func expired() async throws {
        let expired = Response.json(#"{"__type":"ExpiredToken","message":"expired"}"#, status: 403)
        let key = Mutex(0)
        try await LocalServer.run(answering: { asked in
            if asked.target == "/creds" {
                let number = key.withLock { key in
                    key += 1
                    return key
                }
                return .json(#"{"AccessKeyId":"KEY\#(number)","SecretAccessKey":"s","Token":"t\#(number)"}"#)
            }
            let isNew = asked["authorization"]?.contains("Credential=KEY2/") == true
            guard isNew, asked["x-amz-security-token"] == "t2" else { return expired }
            return asked["x-amz-target"] == "AmazonSQS.ReceiveMessage" ? Self.message : Self.nothing
        }) { server in
            let intake = RecordingIntake()
            var options = self.options(server)
            options.aws.credentials = nil
            let environment = AWSEnvironment(
                variables: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url("/creds")]) { _ in nil }
            let source = try SQSSource(options, environment: environment)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await source.run(testContext(intake)) }
                try await intake.wait("a message") { !$0.taken.isEmpty }
                group.cancelAll()
            }
            #expect(!intake.snapshot.health.contains { $0 != .running })
        }
    }

    @Test("a clock that is wrong is corrected by the service's own time")
    func clockSkew() async throws {
        try await LocalServer.run(answering: { asked in
            let stamps = [0, 60].map { SigV4.stamp(wallClock() - .seconds($0)).prefix(13) }
            guard let stamp = asked["x-amz-date"], stamps.contains(stamp.prefix(13)) else {
                return .json(
                    #"{"__type":"InvalidSignatureException","message":"Signature expired: 1 is now earlier than 2"}"#,
                    status: 403)
            }
            return asked["x-amz-target"] == "AmazonSQS.ReceiveMessage" ? Self.message : Self.nothing
        }) { server in
            let intake = RecordingIntake()
            let source = try SQSSource(self.options(server), environment: AWSEnvironment(variables: [:]) { _ in nil })
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await source.run(
                        testContext(intake, time: SkewedClock(SystemTimeSource(), by: .seconds(-3600))))
                }
                try await intake.wait("a message") { !$0.taken.isEmpty }
                group.cancelAll()
            }
            #expect(!intake.snapshot.health.contains { $0 != .running })
        }
    }

    @Test("when the intake takes nothing more, messages are shown again at once, and the source ends")
    func givesBack() async throws {
        let script = Script(["ReceiveMessage": [Self.message, Self.nothing]])
        try await LocalServer.run(answering: script.answer) { server in
            let intake = RecordingIntake { _ in .refuse(IntakeError(.unknownTrigger, "no such trigger")) }
            let source = try SQSSource(self.options(server), environment: AWSEnvironment(variables: [:]) { _ in nil })
            await #expect(throws: IntakeError.self) { try await source.run(testContext(intake)) }
            let shown = server.requests.filter {
                $0["x-amz-target"] == "AmazonSQS.ChangeMessageVisibilityBatch"
            }
            #expect(
                shown.map(\.text).first?.contains(#"{"Id":"0","ReceiptHandle":"r1","VisibilityTimeout":0}"#) == true)
            #expect(!server.requests.contains { $0["x-amz-target"] == "AmazonSQS.DeleteMessageBatch" })
        }
    }

    @Test("a client certificate is shown to a server that asks for one")
    func clientCertificate() async throws {
        let certificates = try TestCertificates(name: "localhost")
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificates.server).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: certificates.serverKey, format: .pem)))
        tls.certificateVerification = .noHostnameVerification
        tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(certificates.ca))
        let script = Script(["ReceiveMessage": [Self.message, Self.nothing]])
        try await LocalServer.run(tls: tls, answering: script.answer) { server in
            let url = "https://localhost:\(server.port)"
            var options = SQSOptions(queue: url + "/1/q", aws: .test(url), receivers: 1, wait: .seconds(1))
            options.aws.tls = AWSTLS(caFile: certificates.ca)
            let refused = RecordingIntake()
            try await receiving(options, into: refused, waitsUntilRunning: false) {
                try await refused.wait("it is refused") { $0.failure?.contains("cannot be reached") == true }
            }
            options.aws.tls = AWSTLS(
                caFile: certificates.ca, certificateFile: certificates.client, keyFile: certificates.clientKey)
            let intake = RecordingIntake()
            try await receiving(options, into: intake) { try await intake.wait(for: ["x"]) }
        }
    }

    @Test("failures are read in the forms in which AWS answers")
    func failures() {
        func kind(_ status: Int, _ body: String, _ headers: [(String, String)] = []) -> AWSError.Code {
            ServiceFailure(HTTPAnswer(status: status, headers: .init(headers), body: Array(body.utf8))).kind
        }
        #expect(kind(400, #"{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"m"}"#) == .notFound)
        #expect(
            kind(400, #"{"__type":"x"}"#, [("x-amzn-query-error", "AWS.SimpleQueueService.NonExistentQueue;Sender")])
                == .notFound)
        #expect(kind(400, "{}", [("x-amzn-errortype", "ThrottlingException:http://internal/")]) == .throttled)
        #expect(kind(403, #"{"__type":"InvalidClientTokenId"}"#) == .rejectedCredentials)
        #expect(kind(403, #"{"__type":"AccessDeniedException"}"#) == .accessDenied)
        #expect(kind(403, "<html>forbidden</html>") == .accessDenied)
        #expect(kind(500, "") == .service && kind(503, "") == .service && kind(429, "") == .throttled)
        #expect(
            kind(400, "<ErrorResponse><Error><Code>ExpiredToken</Code></Error></ErrorResponse>") == .rejectedCredentials
        )
        #expect(kind(400, #"{"__type":"InvalidParameterValue"}"#) == .invalid)
        let secret = ServiceFailure(
            HTTPAnswer(
                status: 403, headers: .init(),
                body: Array(
                    #"{"__type":"SignatureDoesNotMatch","message":"not the same.\nx-amz-security-token:hidden"}"#.utf8))
        )
        #expect(secret.error(of: "SQS").message == "SQS answered SignatureDoesNotMatch: not the same.")
    }
}
