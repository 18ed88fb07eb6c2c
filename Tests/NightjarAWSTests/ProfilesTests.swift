import Testing

@testable import NightjarAWS

@Suite("Shared files and regions")
struct ProfilesTests {
    @Test("profiles are read from both files, comments and indented settings included")
    func parse() {
        let profiles = AWSProfiles(
            config: """
                # a comment
                [default]
                region = eu-west-1 ; where we are
                s3 =
                  max_concurrent_requests = 20
                output=json

                [profile work]
                region=us-east-2
                aws_secret_access_key = from/config#not-a-comment
                services = local

                [services local]
                sqs =
                  endpoint_url = http://localhost:4566
                [ignored]
                region = nowhere
                """,
            credentials: """
                [work]
                aws_access_key_id = AKID
                aws_secret_access_key = abc=/+def
                """)
        #expect(profiles.profiles["default"]?["region"] == "eu-west-1")
        #expect(profiles.profiles["default"]?["s3.max_concurrent_requests"] == "20")
        #expect(profiles.profiles["default"]?["output"] == "json")
        #expect(profiles.profiles["work"]?["region"] == "us-east-2")
        #expect(profiles.profiles["work"]?["aws_secret_access_key"] == "abc=/+def")
        #expect(profiles.services["local"]?["sqs.endpoint_url"] == "http://localhost:4566")
        #expect(profiles.profiles["ignored"] == nil)
    }

    private func client(
        _ queue: String, _ options: AWSOptions = AWSOptions(), _ variables: [String: String] = [:], config: String = ""
    ) throws -> SQSClient {
        let environment = AWSEnvironment(variables: variables) { $0.hasSuffix("config") ? config : nil }
        return try SQSClient(
            options, for: try #require(QueueAddress(queue)), environment: environment, now: { wallClock() })
    }

    @Test("the region is found in the options, the queue's own host, the variables, the profile")
    func region() throws {
        let url = "https://sqs.eu-central-1.amazonaws.com/123456789012/orders"
        func region(
            _ queue: String, _ options: AWSOptions = AWSOptions(), _ variables: [String: String] = [:],
            config: String = ""
        ) throws -> String {
            try client(queue, options, variables, config: config).service.signer.region
        }
        #expect(try region(url) == "eu-central-1")
        #expect(try region(url, AWSOptions(region: "us-west-2")) == "us-west-2")
        #expect(try region(url, AWSOptions(), ["AWS_REGION": "us-east-1"]) == "eu-central-1")
        #expect(try region("arn:aws:sqs:eu-north-1:123456789012:orders") == "eu-north-1")
        #expect(try region("orders", AWSOptions(), ["AWS_REGION": "a-1", "AWS_DEFAULT_REGION": "b-1"]) == "a-1")
        #expect(try region("orders", AWSOptions(), ["AWS_DEFAULT_REGION": "b-1"]) == "b-1")
        #expect(try region("orders", config: "[default]\nregion = c-1") == "c-1")
        #expect(
            try region("orders", AWSOptions(profile: "p"), config: "[default]\nregion=c-1\n[profile p]\nregion=d-1")
                == "d-1")
        #expect(throws: AWSError.self) { try region("orders") }
        #expect(throws: AWSError.self) { try region("orders", AWSOptions(), ["AWS_REGION": "evil.example.com/"]) }
    }

    @Test("the endpoint is found in the options, the variables, the profile, the queue's URL, the region")
    func endpoint() throws {
        let url = "https://sqs.eu-central-1.amazonaws.com/123456789012/orders"
        let all = ["AWS_ENDPOINT_URL": "http://all:1", "AWS_REGION": "eu-west-1"]
        let own = all.merging(["AWS_ENDPOINT_URL_SQS": "http://own:2/sqs/"]) { $1 }
        func endpoint(
            _ queue: String, _ options: AWSOptions = AWSOptions(), _ variables: [String: String] = [:],
            config: String = ""
        ) throws -> String {
            try client(queue, options, variables, config: config).service.endpoint.url
        }
        #expect(try endpoint(url, AWSOptions(endpoint: "http://option:3"), own) == "http://option:3")
        #expect(try endpoint(url, AWSOptions(), own) == "http://own:2/sqs")
        #expect(try endpoint(url, AWSOptions(), all) == "http://all:1")
        #expect(
            try endpoint("orders", AWSOptions(), ["AWS_REGION": "r-1"], config: "[default]\nendpoint_url=http://p:4")
                == "http://p:4")
        #expect(try endpoint(url) == "https://sqs.eu-central-1.amazonaws.com")
        #expect(try endpoint("orders", AWSOptions(region: "cn-north-1")) == "https://sqs.cn-north-1.amazonaws.com.cn")
        #expect(try endpoint("orders", AWSOptions(region: "us-east-1")) == "https://sqs.us-east-1.amazonaws.com")
    }

    @Test("options that cannot be are refused with what was expected")
    func contradictions() {
        #expect(SQSOptions(queue: "orders").contradiction == nil)
        #expect(SQSOptions(queue: "orders.fifo").contradiction == nil)
        for queue in ["", "a b", "https://user:password@host/1/q", "arn:aws:s3:::bucket", "https://host"] {
            let problem = SQSOptions(queue: queue).contradiction
            #expect(problem?.contains("expected") == true && problem?.contains("password") == false)
        }
        let wrong = [
            SQSOptions(queue: "q", receivers: 0), SQSOptions(queue: "q", batch: 11),
            SQSOptions(queue: "q", wait: .seconds(21)), SQSOptions(queue: "q", wait: .milliseconds(1500)),
            SQSOptions(queue: "q", visibilityTimeout: .seconds(1)), SQSOptions(queue: "q", inFlight: 0),
            SQSOptions(queue: "q", aws: AWSOptions(region: "EU")),
            SQSOptions(queue: "q", aws: AWSOptions(endpoint: "ftp://x")),
            SQSOptions(queue: "q", aws: AWSOptions(tls: AWSTLS(keyFile: "k"))),
            SQSOptions(queue: "q", aws: AWSOptions(requestTimeout: .zero)),
        ]
        for options in wrong {
            #expect(options.contradiction?.contains("expected") == true, "\(options)")
            #expect(throws: AWSError.self) { try SQSSource(options) }
        }
    }
}
