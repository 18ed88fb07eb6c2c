public import CloudEvents
public import Expressions
import Synchronization

/// An event as expressions see it: `event.type`, `event.data.total`, and its extension attributes by their names.
///
/// The data is decoded when an expression reads it, once for all expressions that look: JSON to its values, text to a
/// string, anything else to bytes.
public final class EventValue: ObjectValue {
    /// The attributes that every event may have, with their types.
    public static let objectType = ObjectType(
        "event",
        fields: [
            .init("id", .string), .init("source", .string), .init("type", .string), .init("specversion", .string),
            .init("subject", .string), .init("time", .timestamp), .init("datacontenttype", .string),
            .init("dataschema", .string), .init("data", .dyn),
        ], isOpen: true)

    /// How far the decoding of the data has come.
    private enum Decoding {
        static let unread: UInt8 = 0
        static let beingKept: UInt8 = 1
        static let kept: UInt8 = 2
    }

    private let event: Event
    private let decoding = Atomic<UInt8>(Decoding.unread)
    /// The data as expressions see it, or why it has no value. Written once, by whoever moves ``decoding`` on from `unread`,
    /// and read only when that is `kept`: no lock, and no cost for readers but one load.
    nonisolated(unsafe) private var data: Result<Value, EvaluationError>?

    /// The event's value.
    public init(_ event: Event) {
        self.event = event
    }

    public var type: ObjectType { Self.objectType }

    public func value(at index: Int) throws(EvaluationError) -> Value? {
        switch index {
        case 0: return .string(event.id)
        case 1: return .string(event.source)
        case 2: return .string(event.type)
        case 3: return .string(Event.specVersion)
        case 4: return event.subject.map { .string($0) }
        case 5: return event.time.flatMap { Self.value(of: $0) }
        case 6: return event.dataContentType.map { .string($0) }
        case 7: return event.dataSchema.map { .string($0) }
        default:
            if decoding.load(ordering: .acquiring) == Decoding.kept { return try data?.get() }
            guard let bytes = event.data else { return nil }
            let decoded = Self.decode(bytes, event.dataContentType)
            keep(decoded)
            return try decoded.get()
        }
    }

    /// Of two that decode at the same time, one does so in vain.
    private func keep(_ decoded: Result<Value, EvaluationError>) {
        let isFirst = decoding.compareExchange(
            expected: Decoding.unread, desired: Decoding.beingKept, ordering: .relaxed
        ).exchanged
        guard isFirst else { return }
        data = decoded
        decoding.store(Decoding.kept, ordering: .releasing)
    }

    public func value(named name: String) throws(EvaluationError) -> Value? {
        event.extensions[name].flatMap { attribute in
            switch attribute {
            case .string(let text): .string(text)
            case .boolean(let value): .bool(value)
            case .integer(let number): .int(Int64(number))
            }
        }
    }

    public var otherNames: [String] { event.extensions.keys.sorted() }

    private static func value(of time: Timestamp) -> Value? {
        var (seconds, micros) = time.microsecondsSince1970.quotientAndRemainder(dividingBy: 1_000_000)
        if micros < 0 {
            seconds -= 1
            micros += 1_000_000
        }
        return TimestampValue(seconds: seconds, nanoseconds: Int32(micros * 1000)).map { .timestamp($0) }
    }

    private static func decode(_ bytes: [UInt8], _ contentType: String?) -> Result<Value, EvaluationError> {
        // Most are of this very type, which needs no taking apart.
        if contentType == nil || contentType == "application/json" || JSONText.isJSONContentType(contentType) {
            do {
                return .success(try Value(json: bytes))
            } catch {
                // Without a content type it need not be JSON.
                if contentType != nil {
                    return .failure(EvaluationError(.host, "event.data is not JSON: \(error)"))
                }
            }
        }
        if contentType?.lowercased().hasPrefix("text/") ?? true, let text = String(validating: bytes, as: UTF8.self) {
            return .success(.string(text))
        }
        return .success(.bytes(bytes))
    }
}

extension Environment {
    /// What expressions over events may use: the event, by the name `event`.
    public static let event = Environment([Variable("event", .object(EventValue.objectType))])
}
