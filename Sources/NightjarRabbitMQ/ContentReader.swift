import CLibrabbitmq

/// Puts the frames of a message together: the method that announces it, its header, its body.
struct ContentReader {
    /// A message, as long as librabbitmq keeps what it points to.
    struct Content {
        /// `basic.deliver` or `basic.return`.
        var method: amqp_method_t
        var properties: UnsafePointer<amqp_basic_properties_t>
        /// The body, or its beginning if it is longer than the limit.
        var body: [UInt8]
        /// The length of the whole body.
        var bodyBytes: Int
    }

    private let limit: Int
    private var method: amqp_method_t?
    private var properties: UnsafePointer<amqp_basic_properties_t>?
    private var body: [UInt8] = []
    private var bodyBytes = 0
    private var bytesLeft = 0

    /// - Parameters:
    ///   - limit: so many bytes of a body are kept if it is longer.
    init(limit: Int) { self.limit = limit }

    /// Whether a message has begun and is not whole yet.
    var isInside: Bool { method != nil }

    mutating func begin(_ method: amqp_method_t) {
        self.method = method
        properties = nil
    }

    /// Takes a header or a piece of a body.
    /// - Returns: the message once it is whole.
    mutating func take(_ frame: amqp_frame_t) -> Content? {
        guard let method else { return nil }
        if Int32(frame.frame_type) == AMQP_FRAME_HEADER {
            let header = frame.payload.properties
            guard let decoded = header.decoded else { return nil }
            properties = UnsafePointer(decoded.assumingMemoryBound(to: amqp_basic_properties_t.self))
            bodyBytes = Int(clamping: header.body_size)
            bytesLeft = bodyBytes
            body = []
        } else {
            let piece = frame.payload.body_fragment.buffer
            bytesLeft -= piece.count
            if piece.count == bodyBytes, bodyBytes <= limit {
                body = Array(piece)
            } else {
                if body.isEmpty { body.reserveCapacity(min(bodyBytes, limit)) }
                body.append(contentsOf: piece.prefix(limit - body.count))
            }
        }
        guard bytesLeft <= 0, let properties else { return nil }
        self.method = nil
        defer { body = [] }
        return Content(method: method, properties: properties, body: body, bodyBytes: bodyBytes)
    }
}
