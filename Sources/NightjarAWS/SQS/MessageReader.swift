import CloudEvents

/// Makes events of a queue's messages.
///
/// A message carries a CloudEvent if its attribute `content-type` (or `contentType`) says `application/cloudevents+json`, or
/// if it has an attribute `ce-specversion`, `ce_specversion`, `cloudEvents-specversion` or `cloudEvents_specversion`: then all
/// attributes with that prefix are those of the event, and the body is its data. Of any other an event is made.
struct MessageReader: Sendable {
    /// What a message is.
    enum Reading: Sendable {
        /// These events, which are acknowledged together.
        case events([Event])
        /// Nothing that can be taken, and why.
        case unreadable(String)
        /// Nothing that matters, and why.
        case passedOver(String)
    }

    /// What events are of that are made of messages.
    static let eventType = "nightjar.sqs.message"

    /// The queue as the source of its events.
    let source: String
    let unwrap: SQSOptions.Unwrap

    /// - Parameter source: the queue's URL.
    init(source: String, unwrap: SQSOptions.Unwrap) {
        self.source = source
        self.unwrap = unwrap
    }

    func read(_ message: SQSModel.Message) -> Reading {
        let body = message.Body ?? ""
        switch unwrap {
        case .none: return event(of: message, body: body)
        case .sns:
            guard let envelope = SNSEnvelope(body) else { return event(of: message, body: body) }
            return event(of: message, in: envelope)
        case .s3:
            let inner = SNSEnvelope(body)?.message ?? body
            switch S3Notification(inner) {
            case .records(let records):
                return .events(
                    records.enumerated().map { index, record in
                        // A message of one record keeps its own id.
                        var event = made(of: message, id: records.count == 1 ? "" : "-\(index)")
                        record.describe(&event)
                        return event
                    })
            case .test: return .passedOver("it is the test notification of Amazon S3")
            case nil: return event(of: message, body: body)
            }
        }
    }

    private func event(of message: SQSModel.Message, body: String) -> Reading {
        let attributes = MessageAttributes((message.MessageAttributes ?? [:]).compactMapValues(\.text))
        return carried(attributes, body) {
            var event = made(of: message)
            attributes.set(on: &event)
            return event
        }
    }

    private func event(of message: SQSModel.Message, in envelope: SNSEnvelope) -> Reading {
        let attributes = MessageAttributes(envelope.attributes)
        return carried(attributes, envelope.message) {
            var event = made(of: message)
            // Amazon SNS may deliver a notification twice, as two messages.
            event.id = envelope.id
            event.subject = envelope.subject
            event.time = envelope.time ?? event.time
            event.extensions["topicarn"] = envelope.topic.map { .string($0) }
            attributes.set(on: &event)
            return event
        }
    }

    private func carried(_ attributes: MessageAttributes, _ body: String, or make: () -> Event) -> Reading {
        let bytes = Array(body.utf8)
        do throws(EventError) {
            if let event = try attributes.event(carrying: bytes) { return .events([event]) }
        } catch {
            return .unreadable("the message says that it carries a CloudEvent, and does not: \(error)")
        }
        var event = make()
        event.data = bytes
        // A media type that is none must not make a message untakeable.
        event.dataContentType = attributes.contentType.flatMap { MediaType($0) == nil ? nil : $0 }
        return .events([event])
    }

    /// An event with what the queue says of the message.
    private func made(of message: SQSModel.Message, id suffix: String = "") -> Event {
        let attributes = message.Attributes ?? [:]
        var event = Event(id: message.MessageId + suffix, source: source, type: Self.eventType)
        event.time = attributes["SentTimestamp"].flatMap { Int64($0) }.flatMap(Self.time)
        MessageAttributes(attributes).set(on: &event)
        return event
    }

    /// - Parameter milliseconds: since 1970.
    private static func time(_ milliseconds: Int64) -> Timestamp? {
        let (microseconds, overflow) = milliseconds.multipliedReportingOverflow(by: 1000)
        return overflow ? nil : Timestamp(microsecondsSince1970: microseconds)
    }
}
