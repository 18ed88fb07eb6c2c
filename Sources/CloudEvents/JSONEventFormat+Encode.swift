extension JSONEventFormat {
    /// Writes one event.
    ///
    /// Data that is JSON, by its media type or for want of one, and in fact, stands in `data` byte for byte; data of a
    /// `text/` type is a string in `data`; all other data is in `data_base64`. The event is not validated.
    public static func encode(_ event: Event) -> [UInt8] {
        var writer = JSONWriter()
        writer.reserveCapacity(estimatedBytes(event))
        write(event, to: &writer)
        return writer.bytes
    }

    /// Writes a batch.
    public static func encodeBatch(_ events: [Event]) -> [UInt8] {
        var writer = JSONWriter()
        writer.reserveCapacity(events.reduce(2) { sum, event in sum + estimatedBytes(event) })
        writer.beginArray()
        for event in events { write(event, to: &writer) }
        writer.endArray()
        return writer.bytes
    }

    /// Writes one event as a value, in the order: specification's attributes, extensions by name, data.
    package static func write(_ event: Event, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("specversion", Event.specVersion)
        writer.member("id", event.id)
        writer.member("source", event.source)
        writer.member("type", event.type)
        writer.member("subject", event.subject)
        writer.member("time", event.time)
        writer.member("datacontenttype", event.dataContentType)
        writer.member("dataschema", event.dataSchema)
        if !event.extensions.isEmpty { writeExtensions(event.extensions, to: &writer) }
        if let data = event.data { write(data, contentType: event.dataContentType, to: &writer) }
        writer.endObject()
    }

    private static func writeExtensions(_ extensions: [String: AttributeValue], to writer: inout JSONWriter) {
        for (name, value) in extensions.sorted(by: { $0.key < $1.key }) {
            writer.key(name)
            switch value {
            case .boolean(let value): writer.bool(value)
            case .integer(let value): writer.integer(value)
            case .string(let value): writer.string(value)
            }
        }
    }

    private static func write(_ data: [UInt8], contentType: String?, to writer: inout JSONWriter) {
        let mediaType = contentType.flatMap(MediaType.init)
        if contentType == nil || mediaType?.isJSON == true {
            if JSONText.isValid(data) {
                writer.key("data")
                writer.raw(data)
                return
            }
        } else if mediaType?.isText == true, let text = String(validating: data, as: UTF8.self) {
            writer.member("data", text)
            return
        }
        writer.member("data_base64", Base64.encode(data))
    }

    private static func estimatedBytes(_ event: Event) -> Int {
        let attributes = event.id.utf8.count + event.source.utf8.count + event.type.utf8.count
        return 200 + attributes + event.extensions.count * 40 + (event.data?.count ?? 0)
    }
}
