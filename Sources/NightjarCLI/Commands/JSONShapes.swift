import CloudEvents
import NightjarCore
import NightjarHTTP

/// The answers of `--json`: those of the HTTP API, and lists of them.
enum JSONShapes {
    /// A text written by `body`.
    static func text(_ body: (inout JSONWriter) -> Void) -> [UInt8] {
        var writer = JSONWriter()
        body(&writer)
        return writer.bytes
    }

    /// An object with one list, each member written by `write`.
    static func list<Element>(
        _ name: String, _ elements: [Element], _ write: (inout JSONWriter, Element) -> Void
    ) -> [UInt8] {
        text { writer in
            writer.beginObject()
            writer.key(name)
            writer.beginArray()
            for element in elements { write(&writer, element) }
            writer.endArray()
            writer.endObject()
        }
    }

    /// A trigger of a configuration. How its source fares, only the running node knows.
    static func write(_ trigger: ConfigurationOutline.TriggerOutline, isPaused: Bool, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("name", trigger.name)
        writer.member("kind", trigger.kind)
        writer.member("summary", trigger.summary)
        writer.key("jobs")
        writer.beginArray()
        for job in trigger.jobs { writer.string(job) }
        writer.endArray()
        writer.member("paused", isPaused)
        writer.endObject()
    }
}
