import CloudEvents
import NightjarCore

/// The variables by which a program learns of its run.
struct RunVariables {
    /// By name.
    let values: [String: String]

    init(_ context: RunContext) {
        var values: [String: String] = [
            "NIGHTJAR_RUN_ID": context.id.description,
            "NIGHTJAR_IDEMPOTENCY_KEY": context.id.description,
            "NIGHTJAR_JOB": context.job,
            "NIGHTJAR_ATTEMPT": "\(context.attempt)",
            "NIGHTJAR_NODE": context.node,
            "NIGHTJAR_FENCING_TOKEN": "\(context.fencingToken)",
            "NIGHTJAR_EVENT_ID": context.event.id,
            "NIGHTJAR_EVENT_SOURCE": context.event.source,
            "NIGHTJAR_EVENT_TYPE": context.event.type,
        ]
        values["NIGHTJAR_TRIGGER"] = context.trigger
        values["NIGHTJAR_EVENT_SUBJECT"] = context.event.subject
        values["NIGHTJAR_EVENT_TIME"] = context.event.time?.rfc3339
        values["NIGHTJAR_DATA_CONTENT_TYPE"] = context.event.dataContentType
        values["NIGHTJAR_DEADLINE"] = context.deadline?.rfc3339
        for (name, value) in context.event.extensions {
            values["NIGHTJAR_EVENT_EXT_" + name.uppercased()] = value.description
        }
        self.values = values
    }
}
