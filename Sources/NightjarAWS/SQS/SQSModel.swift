/// What Amazon SQS says in its JSON protocol (its API Reference).
enum SQSModel {
    struct QueueURL: Decodable {
        var QueueUrl: String
    }

    struct QueueAttributes: Decodable {
        var Attributes: [String: String]?
    }

    struct Received: Decodable {
        var Messages: [Message]?
    }

    struct Message: Decodable, Sendable {
        var MessageId: String
        var ReceiptHandle: String
        var Body: String?
        var Attributes: [String: String]?
        var MessageAttributes: [String: Attribute]?
    }

    struct Attribute: Decodable, Sendable {
        var DataType: String?
        var StringValue: String?
        /// In Base64.
        var BinaryValue: String?

        /// The value as a text: that of bytes is their Base64, as CloudEvents has it.
        var text: String? { StringValue ?? BinaryValue }
    }

    struct BatchAnswer: Decodable {
        var Successful: [Success]?
        var Failed: [Failure]?
    }

    struct Success: Decodable {
        var Id: String
        var MessageId: String?
        var SequenceNumber: String?
    }

    struct Failure: Decodable {
        var Id: String
        var Code: String?
        var Message: String?
        var SenderFault: Bool?
    }
}
