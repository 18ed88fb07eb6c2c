import CloudEvents
import NightjarCore

/// The variables by which a program learns of its run.
///
/// The system limits what a program can be given: one variable to 128 KiB, all variables and arguments together to about
/// 2 MiB. An event may have more than that in its attributes, so values that are too long are left out and named in
/// `NIGHTJAR_LEFT_OUT`.
struct RunVariables {
    private static let longestValue = 32 << 10
    private static let mostBytes = 256 << 10

    /// By name.
    private(set) var values: [String: String] = [:]
    private var leftOut: [String] = []
    private var bytes = 0

    init(_ context: RunContext) {
        let event = context.event
        set("RUN_ID", context.id.description)
        set("IDEMPOTENCY_KEY", context.idempotencyKey)
        set("JOB", context.job)
        set("TRIGGER", context.trigger)
        set("ATTEMPT", "\(context.attempt)")
        set("NODE", "\(context.node)")
        set("FENCING_TOKEN", "\(context.fencingToken)")
        if !context.items.isEmpty { set("ITEMS", "\(context.items.count)") }
        set("DEADLINE", context.deadline?.rfc3339)
        set("EVENT_ID", event.id)
        set("EVENT_SOURCE", event.source)
        set("EVENT_TYPE", event.type)
        set("EVENT_SUBJECT", event.subject)
        set("EVENT_TIME", event.time?.rfc3339)
        set("DATA_CONTENT_TYPE", event.dataContentType)
        set("DATA_SCHEMA", event.dataSchema)
        for (name, value) in event.extensions.sorted(by: { $0.key < $1.key }) {
            set("EVENT_EXT_" + name.uppercased(), value.description)
        }
        if !leftOut.isEmpty { values["NIGHTJAR_LEFT_OUT"] = leftOut.joined(separator: ",") }
    }

    private mutating func set(_ name: String, _ value: String?) {
        guard let value else { return }
        let name = "NIGHTJAR_" + name
        let size = name.utf8.count + value.utf8.count
        guard value.utf8.count <= Self.longestValue, bytes + size <= Self.mostBytes, !value.utf8.contains(0) else {
            leftOut.append(name)
            return
        }
        bytes += size
        values[name] = value
    }
}
