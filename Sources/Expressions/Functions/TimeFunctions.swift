extension FunctionTable {
    /// Parts of timestamps and durations ("Date/Time Functions" in the list of standard definitions).
    static let times: [Function] = TimestampValue.Part.allCases.flatMap { part -> [Function] in
        let ofDuration = [TimestampValue.Part.getHours, .getMinutes, .getSeconds, .getMilliseconds].contains(part)
        let body: @Sendable (Value, inout Frame) throws(EvaluationError) -> Value = {
            (value, _) throws(EvaluationError) in
            switch value {
            case .timestamp(let time): return .int(time.part(part, in: "UTC") ?? 0)
            case .duration(let duration) where ofDuration: return .int(duration.whole(part))
            default: throw .overload(part.rawValue, value)
            }
        }
        let inZone: @Sendable (Value, Value, inout Frame) throws(EvaluationError) -> Value = {
            (value, zone, _) throws(EvaluationError) in
            guard case .timestamp(let time) = value, case .string(let zone) = zone else {
                throw .overload(part.rawValue, value, zone)
            }
            guard let number = time.part(part, in: zone) else {
                throw .argument(
                    "\(Value.quoted(zone)) is no time zone; expected a name such as Europe/Paris or an offset such as +02:00"
                )
            }
            return .int(number)
        }
        let name = part.rawValue
        return [
            ofDuration
                ? .member(name, "(timestamp) -> int", "(duration) -> int", body: .one(body))
                : .member(name, "(timestamp) -> int", body: .one(body)),
            .member(name, "(timestamp, string) -> int", body: .two(inZone)),
        ]
    }
}

extension DurationValue {
    /// The whole duration in a unit, cut; of the milliseconds those beyond the whole seconds.
    fileprivate func whole(_ part: TimestampValue.Part) -> Int64 {
        switch part {
        case .getHours: seconds / 3600
        case .getMinutes: seconds / 60
        case .getMilliseconds: Int64(nanoseconds) / 1_000_000
        default: seconds
        }
    }
}
