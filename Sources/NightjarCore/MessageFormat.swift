/// How an event becomes a message that is published.
public enum MessageFormat: String, Sendable, Hashable, CaseIterable {
    /// The event's data, with its attributes as headers: binary mode of CloudEvents.
    case binary
    /// The whole event as JSON: structured mode of CloudEvents.
    case structured
    /// The event's data alone.
    case raw
}
