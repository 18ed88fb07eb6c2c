import CLibrabbitmq

/// What is asked of the server, and waits for its answer.
extension AMQPConnection {
    func openChannel(_ channel: UInt16) throws(RabbitMQError) {
        amqp_channel_open(state, channel)
        try checkLast("a channel cannot be opened at \(address.shown)")
    }

    /// Makes sure that the queue is there, and answers how many messages are ready in it.
    func declare(_ queue: QueueDeclaration, on channel: UInt16) throws(RabbitMQError) -> (name: String, ready: Int) {
        memory.reset()
        let answer = amqp_queue_declare(
            state, channel, memory.bytes(queue.name), queue.isPassive ? 1 : 0, queue.durable ? 1 : 0,
            queue.exclusive ? 1 : 0, queue.autoDelete ? 1 : 0, memory.table(queue.arguments))
        try checkLast("the queue \(queue.name)")
        guard let answer else { throw RabbitMQError(.server, "\(address.shown) did not say what became of a queue") }
        return (answer.pointee.queue.text, Int(answer.pointee.message_count))
    }

    func declare(_ exchange: RabbitMQOptions.Exchange, on channel: UInt16) throws(RabbitMQError) {
        memory.reset()
        amqp_exchange_declare(
            state, channel, memory.bytes(exchange.name), memory.bytes(exchange.type), 0, exchange.durable ? 1 : 0, 0, 0,
            memory.table(exchange.arguments))
        try checkLast("the exchange \(exchange.name)")
    }

    func bind(_ queue: String, _ binding: RabbitMQOptions.Binding, on channel: UInt16) throws(RabbitMQError) {
        memory.reset()
        amqp_queue_bind(
            state, channel, memory.bytes(queue), memory.bytes(binding.exchange), memory.bytes(binding.routingKey),
            memory.table(binding.arguments))
        try checkLast("the binding of \(queue) to \(binding.exchange)")
    }

    func setPrefetch(_ count: Int, on channel: UInt16) throws(RabbitMQError) {
        amqp_basic_qos(state, channel, 0, UInt16(clamping: count), 0)
        try checkLast("the prefetch of \(count)")
    }

    func consume(
        _ queue: String, tag: String, exclusive: Bool, arguments: [String: RabbitMQValue], on channel: UInt16
    ) throws(RabbitMQError) {
        memory.reset()
        amqp_basic_consume(
            state, channel, memory.bytes(queue), memory.bytes(tag), 0, 0, exclusive ? 1 : 0, memory.table(arguments))
        try checkLast("consuming \(queue)")
    }

    func selectConfirms(on channel: UInt16) throws(RabbitMQError) {
        amqp_confirm_select(state, channel)
        try checkLast("publisher confirms")
    }
}
