import CloudEvents

extension RabbitMQOptions {
    /// Makes exchanges, queue and bindings that are not there.
    func declareAll(_ connection: AMQPConnection, on channel: UInt16) throws(RabbitMQError) {
        for exchange in exchanges { try connection.declare(exchange, on: channel) }
        var arguments = arguments
        // A classic queue need not say so: one that was made without the argument would be another one to the server.
        if kind != .classic { arguments["x-queue-type"] = .string(kind.rawValue) }
        _ = try connection.declare(
            QueueDeclaration(name: queue, durable: durable, arguments: arguments), on: channel)
        for binding in bindings { try connection.bind(queue, binding, on: channel) }
    }

    func consumerArguments(from start: StreamStart) -> [String: RabbitMQValue] {
        var arguments: [String: RabbitMQValue] = [:]
        if let consumerPriority { arguments["x-priority"] = .integer(Int64(consumerPriority)) }
        if kind == .stream { arguments["x-stream-offset"] = start.value }
        return arguments
    }
}

extension RabbitMQOptions.Binding {
    /// So many messages such a queue holds; the oldest make room for new ones.
    private static let longestQueue = 10_000

    /// Makes a queue for this connection alone, to which the exchange routes.
    /// - Returns: the name that the server gave it.
    func declareTemporaryQueue(_ connection: AMQPConnection, on channel: UInt16) throws(RabbitMQError) -> String {
        let declaration = QueueDeclaration(
            name: "", exclusive: true, autoDelete: true, arguments: ["x-max-length": .integer(Int64(Self.longestQueue))]
        )
        let name = try connection.declare(declaration, on: channel).name
        try connection.bind(name, self, on: channel)
        return name
    }
}

extension RabbitMQOptions.StreamStart {
    /// The argument `x-stream-offset`.
    var value: RabbitMQValue {
        switch self {
        case .first: "first"
        case .last: "last"
        case .next: "next"
        case .offset(let offset): .integer(Int64(clamping: offset))
        case .time(let time): .timestamp(UInt64(max(0, time.microsecondsSince1970 / 1_000_000)))
        }
    }
}
