import CloudEvents
import Foundation
import NightjarCore
import TestServers
import Testing
import Waiting

@testable import NightjarAWS

/// Each with a server of its own, which is halted, killed or strict.
@Suite("The source of a queue, when things go wrong", .serialized, .timeLimit(.minutes(5)))
struct SQSFaultTests {
    private func send(_ server: MotoServer, _ queue: String, _ text: String) async throws {
        try await server.boto("sqs.send_message(QueueUrl=queue(args[0]), MessageBody=args[1])", queue, text)
    }

    @Test("a queue that does not exist is waited for, also when it is deleted while it is used")
    func missingQueue() async throws {
        let server = try await MotoServer()
        let intake = RecordingIntake()
        var options = SQSOptions.test(server, "late")
        options.queue = "late"
        try await receiving(options, into: intake, waitsUntilRunning: false) {
            let failing = try await intake.wait("it is told that it is missing") { $0.failure != nil }
            #expect(
                failing.failure?.contains("GetQueueUrl") == true
                    && failing.failure?.contains("NonExistentQueue") == true)
            try await send(server, "late", "one")
            try await intake.wait(for: ["one"])
            #expect(intake.snapshot.isRunning)
            try await server.boto("sqs.delete_queue(QueueUrl=args[0])", server.queue("late"))
            try await intake.wait("it is told that it is gone") { $0.failure?.contains("NonExistentQueue") == true }
            try await send(server, "late", "two")
            try await intake.wait(for: ["one", "two"])
            try await intake.wait("running") { $0.isRunning }
        }
        // A queue that was not there is no lost connection.
        #expect(!intake.snapshot.measures.contains(.reconnected))
    }

    @Test("a server that is killed and started again is found again")
    func restart() async throws {
        let server = try await MotoServer()
        try await server.boto("queue('q')")
        let intake = RecordingIntake()
        try await receiving(.test(server, "q"), into: intake) {
            try await send(server, "q", "one")
            try await intake.wait(for: ["one"])
            server.kill()
            let failing = try await intake.wait("it is told that the connection is lost") { $0.failure != nil }
            #expect(failing.failure?.contains("cannot be reached") == true)
            try await server.start()
            try await send(server, "q", "two")
            try await intake.wait(for: ["one", "two"])
            try await intake.wait("running") { $0.isRunning }
        }
    }

    @Test("a server that answers nothing for a while is waited for, and nothing is lost")
    func halted() async throws {
        let server = try await MotoServer()
        try await server.boto("queue('q')")
        let intake = RecordingIntake()
        var options = SQSOptions.test(server, "q")
        options.aws.requestTimeout = .seconds(1)
        options.visibilityTimeout = .seconds(3)
        try await receiving(options, into: intake) {
            try await send(server, "q", "one")
            try await intake.wait(for: ["one"])
            server.halt()
            let failing = try await intake.wait("it is told that there is no answer") { $0.failure != nil }
            #expect(failing.failure?.contains("no answer in time") == true)
            server.goOn()
            try await intake.wait("running") { $0.isRunning }
            try await server.boto(
                "for i in range(20): sqs.send_message(QueueUrl=args[0], MessageBody=str(i))", server.queue("q"))
            try await intake.wait("all of them") { Set($0.texts).count == 21 }
            // Receives that were given up hid messages that nobody got; those came again.
            try await eventually("the queue is empty") { try await depth(server, "q") == ["0", "0"] }
        }
        #expect(intake.snapshot.measures.contains(.reconnected))
    }

    @Test("a server that checks credentials refuses wrong ones, which is told, and takes them when they are right")
    func wrongCredentials() async throws {
        // A user, his key, a policy and a queue are made before it begins to check.
        let server = try await MotoServer(variables: ["INITIAL_NO_AUTH_ACTION_COUNT": "4"])
        let made = try await server.boto(
            """
            iam = client('iam')
            iam.create_user(UserName='u')
            key = iam.create_access_key(UserName='u')['AccessKey']
            iam.put_user_policy(UserName='u', PolicyName='p', PolicyDocument=json.dumps(
                {'Version': '2012-10-17', 'Statement': [{'Effect': 'Allow', 'Action': '*', 'Resource': '*'}]}))
            url = queue('strict')
            good = boto3.client('sqs', endpoint_url=sys.argv[1], region_name='us-east-1',
                aws_access_key_id=key['AccessKeyId'], aws_secret_access_key=key['SecretAccessKey'])
            good.send_message(QueueUrl=url, MessageBody='x')
            show(key['AccessKeyId'] + ' ' + key['SecretAccessKey'])
            """
        ).split(separator: " ").map(String.init)
        let (id, secret) = (made[0], made[1])
        // The same key with another secret: the signature is wrong.
        for (key, expected) in [
            (AWSCredentials(accessKeyID: id, secretAccessKey: "wrong-secret"), "SignatureDoesNotMatch"),
            (AWSCredentials(accessKeyID: "AKIANOBODY", secretAccessKey: secret), "InvalidClientTokenId"),
        ] {
            let intake = RecordingIntake()
            var options = SQSOptions.test(server, "strict")
            options.aws.credentials = key
            try await receiving(options, into: intake, waitsUntilRunning: false) {
                let failing = try await intake.wait("it is told that they are wrong") { $0.failure != nil }
                #expect(failing.failure?.contains(expected) == true && failing.failure?.contains("secret") == false)
            }
            #expect(intake.snapshot.taken.isEmpty)
        }
        let intake = RecordingIntake()
        var options = SQSOptions.test(server, "strict")
        options.aws.credentials = AWSCredentials(accessKeyID: id, secretAccessKey: secret)
        try await receiving(options, into: intake) { try await intake.wait(for: ["x"]) }
    }

    @Test("over TLS the server's certificate must be of the CA and bear its name")
    func tls() async throws {
        let certificates = try TestCertificates(name: "localhost")
        let server = try await MotoServer(
            arguments: ["--ssl", "--ssl-cert", certificates.server, "--ssl-key", certificates.serverKey])
        let url = "https://localhost:\(server.port)"
        try await server.boto(
            """
            c = client('sqs', args[0])
            c.send_message(QueueUrl=c.create_queue(QueueName='q')['QueueUrl'], MessageBody='x')
            """, url)
        func options(_ url: String, _ tls: AWSTLS) -> SQSOptions {
            var options = SQSOptions(queue: "q", aws: .test(url), wait: .seconds(1))
            options.aws.tls = tls
            return options
        }
        for (url, tls) in [
            (url, AWSTLS()), ("https://127.0.0.1:\(server.port)", AWSTLS(caFile: certificates.ca)),
        ] {
            let refused = RecordingIntake()
            try await receiving(options(url, tls), into: refused, waitsUntilRunning: false) {
                let failing = try await refused.wait("it is told that it is not trusted") { $0.failure != nil }
                #expect(failing.failure?.contains("cannot be reached") == true)
            }
        }
        let byAddress = AWSTLS(caFile: certificates.ca, checksServerName: false)
        for (url, tls) in [(url, AWSTLS(caFile: certificates.ca)), ("https://127.0.0.1:\(server.port)", byAddress)] {
            let intake = RecordingIntake { _ in .redeliver(after: .zero) }
            try await receiving(options(url, tls), into: intake) {
                try await intake.wait("a message") { !$0.offered.isEmpty }
            }
        }
    }
}
