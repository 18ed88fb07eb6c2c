public import CloudEvents
public import NightjarCore

/// Does a run by publishing a new event on the event bus, in the same transaction as the run's completion.
///
/// The new event says what caused it by the extension attributes of the CloudEvents extension "Correlation": `causationid`
/// is the id of the run's event, and a `correlationid` is passed on. `nightjarrun` is the id of the run that emits it. A fencing
/// token would say nothing: the event is taken with the run's completion, which a stale lease cannot bring about.
public struct EmitAction: RunHandler {
    private let type: String
    private let source: String?
    private let subject: String?
    private let data: [UInt8]?
    private let dataContentType: String?
    private let extensions: [String: AttributeValue]

    /// An action that emits events.
    /// - Parameters:
    ///   - type: the new event's type.
    ///   - source: its source; `/jobs/` and the job's name by default.
    ///   - subject: its subject; that of the run's event by default.
    ///   - data: its data; the run's input by default.
    ///   - dataContentType: the media type of its data; that of the run's input by default, or JSON if `data` is given.
    ///   - extensions: its extension attributes.
    /// - Throws: ``/CloudEvents/EventError`` if no event can have these attributes.
    public init(
        type: String, source: String? = nil, subject: String? = nil, data: [UInt8]? = nil,
        dataContentType: String? = nil, extensions: [String: AttributeValue] = [:]
    ) throws(EventError) {
        self.type = type
        self.source = source
        self.subject = subject
        self.data = data
        self.dataContentType = dataContentType
        self.extensions = extensions
        try Event(
            id: "probe", source: source ?? "/jobs", type: type, subject: subject, dataContentType: dataContentType,
            extensions: extensions
        ).validate()
    }

    /// Emits the event.
    public func run(_ context: RunContext) async throws -> RunOutput {
        let cause = context.event
        var extensions = extensions
        extensions["causationid"] = extensions["causationid"] ?? .string(cause.id)
        extensions["correlationid"] = extensions["correlationid"] ?? cause.extensions["correlationid"]
        extensions["nightjarrun"] = extensions["nightjarrun"] ?? .string(context.id.description)
        let isInput = data == nil
        try context.emit(
            Event(
                // The same for every attempt: however often the run is tried, it emits one event.
                id: "\(context.id)-1", source: source ?? "/jobs/\(context.job)", type: type,
                subject: subject ?? cause.subject,
                dataContentType: dataContentType ?? (isInput ? cause.dataContentType : "application/json"),
                dataSchema: isInput ? cause.dataSchema : nil, extensions: extensions, data: data ?? cause.data))
        return .none
    }
}
