import CloudEvents
import Foundation

/// A notification as Amazon SNS puts it into a queue ("Amazon SNS message and JSON formats", Developer Guide).
struct SNSEnvelope: Sendable {
    let id: String
    let topic: String?
    let subject: String?
    let message: String
    let time: Timestamp?
    let attributes: [String: String]

    private struct Document: Decodable {
        var `Type`: String
        var MessageId: String
        var TopicArn: String?
        var Subject: String?
        var Message: String
        var Timestamp: String?
        var MessageAttributes: [String: Attribute]?
    }

    private struct Attribute: Decodable {
        var Value: String?
    }

    /// Reads a message's body; `nil` if it is no notification.
    init?(_ body: String) {
        guard body.utf8.first(where: { $0 > 0x20 }) == UInt8(ascii: "{"),
            let document = try? JSONDecoder().decode(Document.self, from: Data(body.utf8)),
            document.Type == "Notification", !document.MessageId.isEmpty, PlainText.isOne(document.MessageId)
        else { return nil }
        id = document.MessageId
        topic = document.TopicArn.flatMap { PlainText.isOne($0) ? $0 : nil }
        subject = document.Subject.flatMap { $0.isEmpty || !PlainText.isOne($0) ? nil : $0 }
        message = document.Message
        time = document.Timestamp.flatMap { CloudEvents.Timestamp(rfc3339: $0) }
        attributes = (document.MessageAttributes ?? [:]).compactMapValues(\.Value)
    }
}
