extension JSONEventFormat {
    /// Writes one event.
    public static func encode(_ event: Event) -> [UInt8] {
        var writer = JSONWriter()
        write(event, to: &writer)
        return writer.bytes
    }

    /// Writes a batch.
    public static func encodeBatch(_ events: [Event]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginArray()
        for event in events { write(event, to: &writer) }
        writer.endArray()
        return writer.bytes
    }

    /// Writes one event as a value.
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
        for (name, value) in event.extensions.sorted(by: { $0.key < $1.key }) {
            writer.key(name)
            switch value {
            case .boolean(let value): writer.bool(value)
            case .integer(let value): writer.integer(value)
            case .string(let value): writer.string(value)
            }
        }
        if let data = event.data { write(data, contentType: event.dataContentType, to: &writer) }
        writer.endObject()
    }

    private static func write(_ data: [UInt8], contentType: String?, to writer: inout JSONWriter) {
        let mediaType = contentType.flatMap(MediaType.init)
        let isJSON = contentType == nil || mediaType?.isJSON == true
        if isJSON, JSONText.isValid(data) {
            writer.key("data")
            writer.raw(data)
        } else if !isJSON, mediaType?.isText == true, let text = String(validating: data, as: UTF8.self) {
            writer.member("data", text)
        } else {
            writer.member("data_base64", Base64.encode(data))
        }
    }
}
