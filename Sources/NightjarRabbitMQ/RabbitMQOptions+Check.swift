import CloudEvents

extension RabbitMQOptions {
    /// The server's address.
    /// - Throws: ``RabbitMQError`` with the first thing that keeps the options from being used.
    func checked() throws(RabbitMQError) -> RabbitMQAddress {
        let address = try connection.checked()
        try Self.checkName(queue, "the queue")
        guard !queue.isEmpty else { throw Self.invalid("the queue has no name: expected one") }
        guard (1...65_535).contains(prefetch) else {
            throw Self.invalid("the prefetch is \(prefetch): expected 1 to 65535")
        }
        guard (1...64).contains(consumers) else {
            throw Self.invalid("there are \(consumers) consumers: expected 1 to 64")
        }
        guard consumers == 1 || !takesInOrder else {
            throw Self.invalid("\(consumers) consumers cannot keep the order of \(queue): expected one consumer")
        }
        guard consumers == 1 || !exclusive else {
            throw Self.invalid("\(consumers) consumers cannot all be the only one of \(queue): expected one consumer")
        }
        guard maximumMessageBytes >= 1 else {
            throw Self.invalid("messages may have \(maximumMessageBytes) bytes: expected at least 1")
        }
        if let source, source.isEmpty || (try? Event(id: "1", source: source, type: "t").validate()) == nil {
            throw Self.invalid("the source is \"\(source)\": expected a URI reference (RFC 3986)")
        }
        try checkKind()
        try checkDeclarations()
        return address
    }

    /// Whether there is one `take` after the other.
    var takesInOrder: Bool { inOrder || kind == .stream }

    private func checkKind() throws(RabbitMQError) {
        if kind == .stream {
            guard !exclusive else {
                throw Self.invalid("a stream has no exclusive consumers: expected exclusive to be off")
            }
            guard consumerPriority == nil else {
                throw Self.invalid("a stream has no consumer priorities: expected none")
            }
        } else if streamStart != .next {
            throw Self.invalid("\(queue) is to start at a place, but is no stream: expected the kind stream")
        }
        guard durable || kind == .classic else {
            throw Self.invalid("a \(kind.rawValue) queue is always durable: expected durable to be on")
        }
    }

    private func checkDeclarations() throws(RabbitMQError) {
        guard declare || (arguments.isEmpty && bindings.isEmpty && exchanges.isEmpty) else {
            throw Self.invalid(
                "\(queue) has arguments, bindings or exchanges, but is not declared: expected declare to be on")
        }
        guard arguments["x-queue-type"] == nil else {
            throw Self.invalid("\(queue) has the argument x-queue-type: expected the kind to say it")
        }
        for binding in bindings {
            try Self.checkName(binding.exchange, "an exchange")
            try Self.checkName(binding.routingKey, "a routing key")
            guard !binding.exchange.isEmpty else {
                throw Self.invalid(
                    "a binding names no exchange: the default exchange routes to every queue by its name")
            }
        }
        for exchange in exchanges {
            try Self.checkName(exchange.name, "an exchange")
            try Self.checkName(exchange.type, "an exchange's type")
            guard !exchange.name.isEmpty else { throw Self.invalid("an exchange has no name: expected one") }
        }
        for table in [arguments] + bindings.map(\.arguments) + exchanges.map(\.arguments) {
            for name in table.keys { try Self.checkName(name, "an argument") }
        }
    }

    /// Names are short strings of AMQP 0-9-1: 255 bytes at most.
    static func checkName(_ name: String, _ what: String) throws(RabbitMQError) {
        guard name.utf8.count <= 255 else {
            throw invalid("\(what) has a name of \(name.utf8.count) bytes: expected 255 at most")
        }
        guard !name.utf8.contains(0) else { throw invalid("\(what) has a name with a zero byte") }
    }

    static func invalid(_ message: String) -> RabbitMQError { RabbitMQError(.invalidOptions, message) }
}
