import CloudEvents
import Foundation
import TestServers
import Testing

@testable import NightjarAWS

@Suite("Signature Version 4: beside botocore's signer")
struct BotocoreSignerTests {
    /// A request for both signers.
    struct Sample: Codable {
        var service: String
        var method: String
        var target: String
        var headers: [[String]]
        var body: String
        var token: String?
        var unsigned: Bool
    }

    private static let script = """
        import sys, json, datetime, botocore.auth, botocore.awsrequest, botocore.config, botocore.credentials
        now = datetime.datetime(2026, 2, 3, 4, 5, 6, tzinfo=datetime.timezone.utc)
        botocore.auth.get_current_datetime = lambda *a, **k: now
        answers = []
        for sample in json.load(open(sys.argv[1])):
            credentials = botocore.credentials.Credentials('AKID', 'secret/+key', sample.get('token'))
            kind = botocore.auth.S3SigV4Auth if sample['service'] == 's3' else botocore.auth.SigV4Auth
            request = botocore.awsrequest.AWSRequest(
                method=sample['method'], url='https://host.example.com:8443' + sample['target'], data=sample['body'].encode())
            for name, value in sample['headers']:
                request.headers[name] = value
            if sample['unsigned']:
                request.context['client_config'] = botocore.config.Config(s3={'payload_signing_enabled': False})
            kind(credentials, sample['service'], 'eu-west-1').add_auth(request)
            answers.append(request.headers['Authorization'])
        print(json.dumps(answers))
        """

    @Test("random requests get the same signatures")
    func random() async throws {
        var random = SystemRandomNumberGenerator()
        let samples = (0..<300).map { _ in Self.sample(&random) }
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("signer-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (script, input) = (folder.appendingPathComponent("sign.py"), folder.appendingPathComponent("samples.json"))
        let output = folder.appendingPathComponent("output")
        try Data(Self.script.utf8).write(to: script)
        try JSONEncoder().encode(samples).write(to: input)
        let python = try ChildProcess(
            BrokerTools.program("python"), [script.path, input.path], in: folder.path, output: output.path,
            errors: folder.appendingPathComponent("errors").path)
        let status = python.wait()
        try #require(
            status == 0,
            "\((try? String(contentsOf: folder.appendingPathComponent("errors"), encoding: .utf8)) ?? "")")
        let answers = try JSONDecoder().decode([String].self, from: Data(contentsOf: output))
        let time = try #require(Timestamp(rfc3339: "2026-02-03T04:05:06Z"))
        for (sample, answer) in zip(samples, answers) {
            let isForS3 = sample.service == "s3"
            let added = SigV4(region: "eu-west-1", service: sample.service, isForS3: isForS3).sign(
                method: sample.method, target: sample.target,
                headers: [("host", "host.example.com:8443")] + sample.headers.map { ($0[0], $0[1]) },
                payload: sample.unsigned ? .unsigned : .bytes(Array(sample.body.utf8)),
                with: AWSCredentials(accessKeyID: "AKID", secretAccessKey: "secret/+key", sessionToken: sample.token),
                at: time)
            #expect(added.last?.value == answer, "\(sample)")
        }
        #expect(answers.count == samples.count)
    }

    private static func sample(_ random: inout some RandomNumberGenerator) -> Sample {
        let words = ["a", "b c", "d/e", "Ünï", "ሴ", "~-._", "x+y", "100%", "q&a=1", "", "Z", "'()*!", "🐦"]
        func word(_ random: inout some RandomNumberGenerator) -> String { words.randomElement(using: &random) ?? "" }
        func encoded(_ text: String) -> String { PercentCoding.encode(text.utf8) }
        let service = ["sqs", "sts", "s3"].randomElement(using: &random) ?? "sqs"
        let segments = (0..<Int.random(in: 0...4, using: &random)).map { _ in encoded(word(&random)) }
        var target = "/" + segments.filter { !$0.isEmpty }.joined(separator: "/")
        let pairs = (0..<Int.random(in: 0...5, using: &random)).map { index in
            "\(encoded("k" + word(&random)))=\(encoded(word(&random)))"
        }
        // Keys repeat: among so few words.
        if !pairs.isEmpty { target += "?" + (pairs + pairs.prefix(1)).joined(separator: "&") }
        let headers = (0..<Int.random(in: 0...3, using: &random)).map { index in
            [
                "X-Head-\(index)",
                ["plain", "  two  spaces   inside ", "a,b", "\"q   q\""].randomElement(using: &random) ?? "",
            ]
        }
        return Sample(
            service: service, method: ["GET", "POST", "PUT"].randomElement(using: &random) ?? "GET", target: target,
            headers: headers, body: word(&random),
            token: Bool.random(using: &random) ? "token/+=\(word(&random).count)" : nil,
            unsigned: service == "s3" && Bool.random(using: &random))
    }
}
