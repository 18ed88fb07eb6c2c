import CloudEvents
import Foundation
import NightjarCore

/// The columns that hold small JSON texts: extension attributes and refusals. Most events have neither, and pay nothing.
enum StoredJSON {
    private struct Refusal: Codable {
        var trigger: String?
        var job: String?
        var outcome: String
        var reason: String?
        /// The run that stands for the one that was not made.
        var run: String?
    }

    static func extensions(_ extensions: [String: AttributeValue]) throws -> String? {
        guard !extensions.isEmpty else { return nil }
        var writer = JSONWriter()
        writer.beginObject()
        for (name, value) in extensions.sorted(by: { $0.key < $1.key }) {
            writer.key(name)
            switch value {
            case .boolean(let value): writer.bool(value)
            case .integer(let value): writer.integer(value)
            case .string(let value): writer.string(value)
            }
        }
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    static func extensions(_ text: String?) throws -> [String: AttributeValue] {
        guard let text else { return [:] }
        return try JSONDecoder().decode([String: StoredValue].self, from: Data(text.utf8)).mapValues(\.value)
    }

    private struct StoredValue: Decodable {
        var value: AttributeValue

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let text = try? container.decode(String.self) {
                value = .string(text)
            } else if let number = try? container.decode(Int32.self) {
                value = .integer(number)
            } else {
                value = .boolean(try container.decode(Bool.self))
            }
        }
    }

    static func refusals(_ refusals: [Decision]) throws -> String? {
        guard !refusals.isEmpty else { return nil }
        let stored = refusals.map {
            Refusal(
                trigger: $0.trigger, job: $0.job, outcome: $0.outcome.rawValue, reason: $0.reason,
                run: $0.run?.description)
        }
        return String(decoding: try JSONEncoder().encode(stored), as: UTF8.self)
    }

    static func refusals(_ text: String?) throws -> [Decision] {
        guard let text else { return [] }
        return try JSONDecoder().decode([Refusal].self, from: Data(text.utf8)).map {
            Decision(
                trigger: $0.trigger, job: $0.job, outcome: Decision.Outcome(rawValue: $0.outcome) ?? .refused,
                run: $0.run.flatMap { RunID($0) }, reason: $0.reason)
        }
    }
}
