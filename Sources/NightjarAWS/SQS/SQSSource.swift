import CloudEvents
import Logging
public import NightjarCore

/// A source of events from a queue of Amazon SQS, standard or FIFO.
///
/// A message that carries a CloudEvent is taken as such. There is no binding of CloudEvents for Amazon SQS; a message carries
/// one if its attribute `content-type` (or `contentType`) says `application/cloudevents+json`, and its body is that JSON, or
/// if it has an attribute `ce-specversion` (or `ce_`, `cloudEvents-`, `cloudEvents_`): then all attributes with the same prefix
/// are the event's, and the body is its data.
///
/// Of any other message an event is made, of the type `nightjar.sqs.message`, with the message's id as its id, the queue's URL
/// as source, the time at which it was sent, and the body as data, of the media type that the attribute `content-type` says.
/// Its extensions are what the queue and the sender say, in lower case without punctuation: `approximatereceivecount`,
/// `senderid`, `messagegroupid`, `messagededuplicationid`, `sequencenumber`, `awstraceheader`, `deadletterqueuesourcearn`,
/// and the message's attributes. What is too large or no text for an event is left out, and named in `attributesleftout`.
/// With ``SQSOptions/unwrap`` an event is made of what Amazon SNS or S3 put into the message.
///
/// A message is deleted when it was taken. One that is to be delivered again is hidden for as long as was asked for. One that
/// cannot be taken is recorded, and then left to the queue's redrive policy or deleted: see ``SQSOptions/rejected``. While a
/// message is worked on, it stays hidden from others. The messages of a group of a FIFO queue are taken one after the other;
/// when one of them is given back, so are those behind it.
///
/// The credentials must allow `sqs:ReceiveMessage`, `sqs:DeleteMessage` and `sqs:ChangeMessageVisibility`, for a queue that is
/// named without its URL `sqs:GetQueueUrl`, and for its depth and its redrive policy `sqs:GetQueueAttributes`.
public struct SQSSource: EventSource {
    private let options: SQSOptions
    private let address: QueueAddress
    private let environment: AWSEnvironment

    /// A source with these options.
    /// - Throws: ``AWSError`` with `configuration` if they cannot be.
    public init(_ options: SQSOptions) throws(AWSError) {
        try self.init(options, environment: .process)
    }

    init(_ options: SQSOptions, environment: AWSEnvironment) throws(AWSError) {
        guard options.contradiction == nil, let address = QueueAddress(options.queue) else {
            throw AWSError(.configuration, options.contradiction ?? "the queue has no address")
        }
        self.options = options
        self.address = address
        self.environment = environment
    }

    /// Receives messages until the task is cancelled.
    /// - Throws: ``AWSError`` with `configuration`; what the intake threw when it took nothing.
    public func run(_ context: SourceContext) async throws {
        let client = try SQSClient(
            options.aws, for: address, environment: environment, now: { [time = context.time] in time.now })
        let link = LinkState(context, queue: options.queue)
        do {
            let (url, properties) = try await open(client, link, context)
            let consumer = SQSConsumer(
                context, client: client, url: url, options: options, isFIFO: address.isFIFO, properties: properties,
                link: link)
            try await consumer.run()
        } catch is CancellationError where Task.isCancelled {}
    }

    /// Finds the queue, however long that takes.
    private func open(
        _ client: SQSClient, _ link: LinkState, _ context: SourceContext
    ) async throws -> (String, QueueProperties) {
        var failures = 0
        while true {
            do {
                let url = try await client.url(of: address)
                return (url, try await properties(of: url, client, context))
            } catch let error as AWSError {
                failures += 1
                link.fails(error)
                try await context.time.sleep(for: error.wait(afterFailure: failures))
            }
        }
    }

    private func properties(
        of url: String, _ client: SQSClient, _ context: SourceContext
    ) async throws -> QueueProperties {
        do {
            return QueueProperties(try await client.attributes(of: url))
        } catch let error as AWSError where error.code == .accessDenied {
            // Receiving may be allowed all the same.
            context.logger.warning(
                "the queue's properties cannot be read: its depth and redrive policy are not known",
                metadata: ["queue": "\(url)", "error": "\(error.message)"])
            return QueueProperties()
        }
    }
}
