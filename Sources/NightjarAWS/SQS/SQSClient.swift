import CloudEvents
import Foundation
import NetworkFailures
import NightjarCore

/// Speaks with Amazon SQS in its JSON protocol.
struct SQSClient: Sendable {
    private static let name = "SQS"

    let service: AWSService
    let credentials: CredentialsCache
    /// How long a request may take, besides a long poll's wait.
    let timeout: Duration

    /// - Parameters:
    ///   - address: of the queue that is meant.
    ///   - now: the present time.
    /// - Throws: ``AWSError`` with `configuration`.
    init(
        _ options: AWSOptions, for address: QueueAddress, environment: AWSEnvironment,
        now: @escaping @Sendable () -> Timestamp
    ) throws(AWSError) {
        let configuration = AWSConfiguration(options: options, environment: environment)
        let exchange = HTTPExchange(client: try SharedClients.client(for: options))
        var endpoint = try configuration.endpoint(of: "sqs")
        var hostRegion: String?
        switch address {
        case .url(_, let own):
            if endpoint == nil {
                endpoint = own
                hostRegion = AWSEndpoint.region(ofQueueHost: own.host)
            }
        case .arn(let region, _, _): hostRegion = region
        case .name: break
        }
        guard let region = try configuration.region(host: hostRegion) else {
            throw AWSError(
                .configuration,
                "no region is known: expected one in the options, in AWS_REGION, in the profile \"\(configuration.profileName)\", or in the queue's URL"
            )
        }
        service = AWSService(
            name: Self.name, signer: SigV4(region: region, service: "sqs"),
            endpoint: endpoint ?? .aws("sqs", region: region), exchange: exchange, now: now)
        credentials = CredentialsCache(
            CredentialsChain(configuration: configuration, exchange: exchange), now: now)
        timeout = options.requestTimeout
    }

    /// Does an operation.
    /// - Parameters:
    ///   - wait: how long the service may wait before it answers.
    ///   - isStoppable: whether the request is given up when the task is cancelled.
    /// - Throws: ``AWSError``; `CancellationError` if the request was given up.
    func call<Answer: Decodable>(
        _ operation: String, wait: Duration = .zero, isStoppable: Bool = false,
        _ write: (inout JSONWriter) -> Void
    ) async throws -> Answer {
        var writer = JSONWriter()
        writer.beginObject()
        write(&writer)
        writer.endObject()
        let request = AWSRequest(
            headers: [
                ("content-type", "application/x-amz-json-1.0"), ("x-amz-target", "AmazonSQS.\(operation)"),
            ], body: writer.bytes)
        let answer: HTTPAnswer
        do {
            answer = try await service.send(
                request, signedBy: credentials, timeout: wait + timeout, isStoppable: isStoppable)
        } catch var error as AWSError {
            error.message = "\(operation): \(error.message)"
            throw error
        }
        do {
            return try JSONDecoder().decode(Answer.self, from: Data(answer.body))
        } catch {
            throw AWSError(.answer, "\(operation): the answer of SQS cannot be read: \(error)", underlying: error)
        }
    }

    /// The URL of a queue.
    /// - Parameter isStoppable: whether the request is given up when the task is cancelled.
    func url(of address: QueueAddress, isStoppable: Bool = true) async throws -> String {
        let name: String
        var owner: String?
        switch address {
        case .url(let url, _): return url
        case .name(let own): name = own
        case .arn(_, let account, let own):
            name = own
            owner = account.isEmpty ? nil : account
        }
        let answer: SQSModel.QueueURL = try await call("GetQueueUrl", isStoppable: isStoppable) { writer in
            writer.member("QueueName", name)
            writer.member("QueueOwnerAWSAccountId", owner)
        }
        return answer.QueueUrl
    }

    /// The properties of a queue that matter here.
    func attributes(of url: String) async throws -> [String: String] {
        let answer: SQSModel.QueueAttributes = try await call("GetQueueAttributes", isStoppable: true) { writer in
            writer.member("QueueUrl", url)
            writer.key("AttributeNames")
            writer.beginArray()
            // Those of FIFO queues are refused by others.
            for name in ["ApproximateNumberOfMessages", "RedrivePolicy", "VisibilityTimeout"] { writer.string(name) }
            writer.endArray()
        }
        return answer.Attributes ?? [:]
    }

    /// Waits for messages.
    func receive(from url: String, most: Int, wait: Duration, visibility: Int64) async throws -> [SQSModel.Message] {
        let answer: SQSModel.Received = try await call("ReceiveMessage", wait: wait, isStoppable: true) { writer in
            writer.member("QueueUrl", url)
            writer.member("MaxNumberOfMessages", most)
            writer.member("WaitTimeSeconds", wait.components.seconds)
            writer.member("VisibilityTimeout", visibility)
            for name in ["MessageAttributeNames", "MessageSystemAttributeNames"] {
                writer.key(name)
                writer.beginArray()
                writer.string("All")
                writer.endArray()
            }
        }
        return answer.Messages ?? []
    }

    /// Does an operation on several messages.
    /// - Parameter write: writes an entry's members besides its `Id`.
    /// - Returns: for each entry in its place, what became of it.
    func batch<Entry>(
        _ operation: String, of entries: [Entry], to url: String, _ write: (Entry, inout JSONWriter) -> Void
    ) async -> [Result<SQSModel.Success, AWSError>] {
        do {
            let answer: SQSModel.BatchAnswer = try await call(operation) { writer in
                writer.member("QueueUrl", url)
                writer.key("Entries")
                writer.beginArray()
                for (index, entry) in entries.enumerated() {
                    writer.beginObject()
                    writer.member("Id", "\(index)")
                    write(entry, &writer)
                    writer.endObject()
                }
                writer.endArray()
            }
            return Self.results(answer, count: entries.count, operation)
        } catch {
            return entries.map { _ in .failure(NetworkFailure.error(error)) }
        }
    }

    private static func results(
        _ answer: SQSModel.BatchAnswer, count: Int, _ operation: String
    ) -> [Result<SQSModel.Success, AWSError>] {
        var results = [Result<SQSModel.Success, AWSError>](
            repeating: .failure(
                AWSError(.answer, "\(operation): the answer of SQS says nothing of an entry that it was sent")),
            count: count)
        for success in answer.Successful ?? [] {
            if let index = Int(success.Id), results.indices.contains(index) { results[index] = .success(success) }
        }
        for failure in answer.Failed ?? [] {
            guard let index = Int(failure.Id), results.indices.contains(index) else { continue }
            var error = ServiceFailure(code: failure.Code ?? "an error without a code", message: failure.Message)
                .error(of: Self.name)
            // What is not the sender's fault may pass.
            if error.code == .invalid, failure.SenderFault != true { error.code = .service }
            error.message = "\(operation): \(error.message)"
            results[index] = .failure(error)
        }
        return results
    }
}
