import Expressions

/// An object of the host, for tests.
final class Order: ObjectValue {
    static let objectType = ObjectType(
        "event",
        fields: [
            .init("id", .string), .init("type", .string), .init("subject", .string), .init("time", .timestamp),
            .init("data", .dyn),
        ], isOpen: false)

    let type: ObjectType
    private let eventType: String
    private let json: String

    init(_ eventType: String, _ json: String, isOpen: Bool = false) {
        type = ObjectType(Self.objectType.name, fields: Self.objectType.fields, isOpen: isOpen)
        self.eventType = eventType
        self.json = json
    }

    func value(at index: Int) throws(EvaluationError) -> Value? {
        switch index {
        case 0: return "1"
        case 1: return .string(eventType)
        case 4:
            do { return try Value(json: Array(json.utf8)) } catch { throw EvaluationError(.host, "\(error)") }
        default: return nil
        }
    }

    func value(named name: String) throws(EvaluationError) -> Value? { name == "region" ? "eu" : nil }

    var otherNames: [String] { type.isOpen ? ["region"] : [] }

    static let environment = Environment([Environment.Variable("event", .object(objectType))])

    static func outcome(_ expression: String, _ order: Order) -> String {
        do {
            return try CELExpression(expression, in: Environment([.init("event", .object(order.type))]))
                .evaluate([.object(order)]).description
        } catch let error as ExpressionError {
            return error.description
        } catch let error as EvaluationError {
            return "\(error.code): \(error.message)"
        } catch {
            return "\(error)"
        }
    }
}
