import CloudEvents
import Foundation
import HTTPTestServer
import Hummingbird
import Synchronization
import Testing

@testable import NightjarAWS

@Suite("Where credentials are found")
struct CredentialsChainTests {
    private static let sts = """
        <AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
        <AccessKeyId>ASIASTS</AccessKeyId><SecretAccessKey>sts&amp;secret</SecretAccessKey>
        <SessionToken>sts-token</SessionToken><Expiration>2030-01-01T00:00:00Z</Expiration>
        </Credentials></AssumeRoleResult></AssumeRoleResponse>
        """
    private static let document = """
        {"Code": "Success", "AccessKeyId": "ASIADOC", "SecretAccessKey": "s", "Token": "t",
         "Expiration": "2030-01-01T00:00:00Z"}
        """

    private func find(
        _ options: AWSOptions = AWSOptions(), _ variables: [String: String] = [:], files: [String: String] = [:]
    ) async throws -> AWSCredentials? {
        // No test may find what this machine has.
        let variables = ["AWS_EC2_METADATA_DISABLED": "true", "HOME": "/home/x"].merging(variables) { $1 }
        let environment = AWSEnvironment(variables: variables) { files[$0] }
        return try await CredentialsChain(
            configuration: AWSConfiguration(options: options, environment: environment),
            exchange: HTTPExchange(client: try SharedClients.client(for: options))
        ).find()
    }

    private func failure(
        _ options: AWSOptions = AWSOptions(), _ variables: [String: String] = [:], files: [String: String] = [:]
    ) async -> String {
        do { return "found \(String(describing: try await find(options, variables, files: files)))" } catch {
            return "\(error)"
        }
    }

    private let keys = ["AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t"]
    private let files = ["/home/x/.aws/credentials": "[default]\naws_access_key_id=AKIAFILE\naws_secret_access_key=s"]

    @Test("options come first, then variables, then the shared files")
    func order() async throws {
        let own = AWSCredentials(accessKeyID: "AKIAOWN", secretAccessKey: "s")
        #expect(try await find(AWSOptions(credentials: own), keys, files: files) == own)
        let found = try await find(AWSOptions(), keys, files: files)
        #expect(found?.accessKeyID == "AKIAENV" && found?.sessionToken == "t")
        #expect(try await find(files: files)?.accessKeyID == "AKIAFILE")
        // A profile that the options name outweighs what happens to be set.
        #expect(try await find(AWSOptions(profile: "default"), keys, files: files)?.accessKeyID == "AKIAFILE")
    }

    @Test("files and profile are named by variables")
    func named() async throws {
        let variables = [
            "AWS_PROFILE": "work", "AWS_SHARED_CREDENTIALS_FILE": "~/keys", "AWS_CONFIG_FILE": "/etc/aws",
        ]
        let files = ["/home/x/keys": "[work]\naws_access_key_id=AKIAWORK\naws_secret_access_key=s"]
        #expect(try await find(AWSOptions(), variables, files: files)?.accessKeyID == "AKIAWORK")
        let other = await failure(AWSOptions(), ["AWS_PROFILE": "other"], files: files)
        #expect(other.contains("\"other\"") && other.contains("none of the shared files"))
    }

    @Test("half of the credentials is a mistake that is named")
    func halves() async {
        #expect(await failure(AWSOptions(), ["AWS_ACCESS_KEY_ID": "A"]).contains("AWS_SECRET_ACCESS_KEY is not"))
        let half = ["/home/x/.aws/credentials": "[default]\naws_access_key_id=A"]
        #expect(await failure(files: half).contains("expected both"))
        #expect(await failure().contains("no AWS credentials were found"))
    }

    @Test("a profile's role is assumed with the keys of another one")
    func assumedRole() async throws {
        try await LocalServer.run(answering: { _ in response(200, [:], Self.sts) }) { server in
            let files = [
                "/home/x/.aws/config": """
                [profile app]
                role_arn = arn:aws:iam::123456789012:role/app
                source_profile = base
                external_id = ext/1
                role_session_name = here
                region = eu-west-1
                """,
                "/home/x/.aws/credentials": "[base]\naws_access_key_id=AKIABASE\naws_secret_access_key=s",
            ]
            let found = try await self.find(
                AWSOptions(profile: "app"), ["AWS_ENDPOINT_URL_STS": server.url("")], files: files)
            #expect(found?.accessKeyID == "ASIASTS" && found?.secretAccessKey == "sts&secret")
            #expect(found?.sessionToken == "sts-token" && found?.expiration?.rfc3339 == "2030-01-01T00:00:00Z")
            let asked = try #require(server.requests.first)
            #expect(asked["authorization"]?.contains("Credential=AKIABASE/") == true)
            #expect(asked["authorization"]?.contains("/eu-west-1/sts/aws4_request") == true)
            for part in [
                "Action=AssumeRole&", "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fapp", "ExternalId=ext%2F1",
                "RoleSessionName=here", "Version=2011-06-15",
            ] { #expect(asked.text.contains(part)) }
        }
    }

    @Test("profiles that refer to one another in a circle are told, and so is one that is missing")
    func circle() async {
        let role = "role_arn = arn:aws:iam::1:role/x\n"
        let files = [
            "/home/x/.aws/config":
                "[profile a]\n\(role)source_profile = b\n[profile b]\n\(role)source_profile = a\n[profile c]\n\(role)source_profile = d"
        ]
        let variables = ["AWS_REGION": "eu-west-1"]
        #expect(await failure(AWSOptions(profile: "a"), variables, files: files).contains("circle: a, b, a"))
        #expect(await failure(AWSOptions(profile: "c"), variables, files: files).contains("\"d\""))
    }

    @Test("a web identity's token is changed for credentials, without a signature")
    func webIdentity() async throws {
        try await LocalServer.run(answering: { _ in response(200, [:], Self.sts) }) { server in
            let found = try await self.find(
                AWSOptions(),
                [
                    "AWS_WEB_IDENTITY_TOKEN_FILE": "/var/token", "AWS_ROLE_ARN": "arn:aws:iam::1:role/r",
                    "AWS_ENDPOINT_URL_STS": server.url(""), "AWS_REGION": "eu-west-1",
                ], files: ["/var/token": "header.payload\n"])
            #expect(found?.accessKeyID == "ASIASTS")
            let asked = try #require(server.requests.first)
            #expect(asked["authorization"] == nil)
            #expect(asked.text.contains("WebIdentityToken=header.payload&"))
        }
    }

    @Test("a program gives credentials, and what it writes to errors is not shown")
    func process() async throws {
        let command = #"echo '{"Version": 1, "AccessKeyId": "AKIAPROC", "SecretAccessKey": "s", "SessionToken": "t"}'"#
        let files = ["/home/x/.aws/config": "[default]\ncredential_process = \(command)"]
        let found = try await find(files: files)
        #expect(found?.accessKeyID == "AKIAPROC" && found?.sessionToken == "t" && found?.expiration == nil)
        let failing = ["/home/x/.aws/config": "[default]\ncredential_process = echo hidden >&2; exit 3"]
        let failure = await failure(files: failing)
        #expect(failure.contains("credential_process") && failure.contains("3") && !failure.contains("hidden"))
    }

    @Test("a container's agent gives credentials for a token that is read each time")
    func container() async throws {
        try await LocalServer.run(answering: { _ in .json(Self.document) }) { server in
            let variables = [
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": server.url("/creds?x=1"),
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "/token",
            ]
            let found = try await self.find(AWSOptions(), variables, files: ["/token": "Bearer abc\n"])
            #expect(found?.accessKeyID == "ASIADOC" && found?.sessionToken == "t")
            let asked = try #require(server.requests.first)
            #expect(asked.target == "/creds?x=1" && asked["authorization"] == "Bearer abc")
        }
        let foreign = await failure(AWSOptions(), ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/x"])
        #expect(foreign.contains("not trusted"))
    }

    @Test("the instance's metadata is asked with a token, as version 2 has it")
    func metadata() async throws {
        let answer: @Sendable (HeardRequest) async -> Response = { asked in
            if asked.method == .put, asked.target == "/latest/api/token" {
                return response(asked["x-aws-ec2-metadata-token-ttl-seconds"] == nil ? 400 : 200, [:], "tok")
            }
            guard asked["x-aws-ec2-metadata-token"] == "tok" else { return response(401) }
            switch asked.target {
            case "/latest/meta-data/iam/security-credentials/": return response(200, [:], "my-role\n")
            case "/latest/meta-data/iam/security-credentials/my-role": return .json(Self.document)
            default: return response(404)
            }
        }
        try await LocalServer.run(answering: answer) { server in
            let variables = [
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": server.url("/"), "AWS_EC2_METADATA_DISABLED": "false",
                "AWS_METADATA_SERVICE_TIMEOUT": "30",
            ]
            let found = try await self.find(AWSOptions(), variables)
            #expect(found?.accessKeyID == "ASIADOC")
            let disabled = variables.merging(["AWS_EC2_METADATA_DISABLED": "TRUE"]) { $1 }
            #expect(await self.failure(AWSOptions(), disabled).contains("no AWS credentials were found"))
            let wordy = variables.merging(["AWS_METADATA_SERVICE_TIMEOUT": "soon"]) { $1 }
            #expect(await self.failure(AWSOptions(), wordy).contains("AWS_METADATA_SERVICE_TIMEOUT is \"soon\""))
        }
    }

    @Test("many who ask at once let the metadata be asked once, and those that expire are fetched again")
    func singleFlight() async throws {
        let now = Mutex(Timestamp(microsecondsSince1970: 1_800_000_000_000_000))
        let fetched = Mutex(0)
        struct Source: CredentialsSource {
            let body: @Sendable () async -> AWSCredentials
            func find() async throws(AWSError) -> AWSCredentials? { await body() }
        }
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        let source = Source {
            let number = fetched.withLock { count in
                count += 1
                return count
            }
            if number == 1 { for await _ in gate { break } }
            return AWSCredentials(
                accessKeyID: "\(number)", secretAccessKey: "s", expiration: now.withLock { $0 } + .seconds(3600))
        }
        let cache = CredentialsCache(source, now: { now.withLock { $0 } })
        try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<20 { group.addTask { try await cache.credentials().accessKeyID } }
            open.yield()
            for try await id in group { #expect(id == "1") }
        }
        #expect(fetched.withLock { $0 } == 1)
        now.withLock { $0 = $0 + .seconds(3400) }
        #expect(try await cache.credentials().accessKeyID == "2")
    }
}
