/// Whom an event was for, as a store keeps it: a replay asks the same again.
public enum EventAddressee: Sendable, Hashable, CustomStringConvertible {
    /// Every `event:` trigger.
    case bus
    /// The named trigger alone. If its rules could not tell the event's id, it is not identified: the event is kept under
    /// the id that it came with.
    case trigger(String, isIdentified: Bool = true)
    /// The named job, by hand.
    case job(String)
    /// Nobody: it says what a source did, and starts nothing.
    case nobody

    /// Reads what ``description`` wrote. Answers `nil` for anything else.
    public init?(_ text: String) {
        if text == "bus" || text == "nobody" {
            self = text == "bus" ? .bus : .nobody
            return
        }
        let parts = text.split(separator: ":", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return nil }
        switch parts[0] {
        case "trigger": self = .trigger(parts[1])
        case "unidentified": self = .trigger(parts[1], isIdentified: false)
        case "job": self = .job(parts[1])
        default: return nil
        }
    }

    /// `bus`, `trigger:NAME`, `unidentified:NAME` `job:NAME` or `nobody`: part of the stores' on-disk formats.
    public var description: String {
        switch self {
        case .bus: "bus"
        case .trigger(let name, isIdentified: true): "trigger:\(name)"
        case .trigger(let name, isIdentified: false): "unidentified:\(name)"
        case .job(let name): "job:\(name)"
        case .nobody: "nobody"
        }
    }
}
