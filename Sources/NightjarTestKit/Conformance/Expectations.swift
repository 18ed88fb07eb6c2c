import CloudEvents
import NightjarCore

/// Expects two values to be equal.
func expect<Value: Equatable>(
    _ what: String, _ actual: Value, _ expected: Value, file: StaticString = #fileID, line: UInt = #line
) throws(ConformanceFailure) {
    guard actual != expected else { return }
    throw ConformanceFailure(
        expectation: what, actual: shown(actual), expected: shown(expected), file: "\(file)", line: line)
}

/// Expects a condition to hold.
func expect(
    _ what: String, _ condition: Bool, file: StaticString = #fileID, line: UInt = #line
) throws(ConformanceFailure) {
    try expect(what, condition, true, file: file, line: line)
}

/// Expects a value to be there.
func require<Value>(
    _ what: String, _ value: Value?, file: StaticString = #fileID, line: UInt = #line
) throws(ConformanceFailure) -> Value {
    guard let value else {
        throw ConformanceFailure(expectation: what, actual: "nil", expected: "a value", file: "\(file)", line: line)
    }
    return value
}

/// Expects so many values to be there that one of them has this place, and answers it.
func element<Value>(
    _ values: [Value], _ place: Int, file: StaticString = #fileID, line: UInt = #line
) throws(ConformanceFailure) -> Value {
    guard values.indices.contains(place) else {
        throw ConformanceFailure(
            expectation: "what was answered", actual: "\(values.count) values", expected: "at least \(place + 1)",
            file: "\(file)", line: line)
    }
    return values[place]
}

/// Expects a call to throw a ``NightjarCore/StoreError`` of this code.
func expectError<Value>(
    _ what: String, _ code: StoreError.Code, file: StaticString = #fileID, line: UInt = #line,
    _ call: () async throws(StoreError) -> Value
) async throws(ConformanceFailure) {
    let answer: Value
    do {
        answer = try await call()
    } catch {
        return try expect(what, error.code, code, file: file, line: line)
    }
    throw ConformanceFailure(
        expectation: what, actual: shown(answer), expected: "a StoreError, \(code)", file: "\(file)", line: line)
}

/// Expects every attribute and the data to be the same, byte for byte: Swift's strings call equal what differs in Unicode
/// normalization.
func expectSame(
    _ actual: Event, _ expected: Event, file: StaticString = #fileID, line: UInt = #line
) throws(ConformanceFailure) {
    try expect("the event is the same", actual, expected, file: file, line: line)
    func texts(_ event: Event) -> [[UInt8]?] {
        let core = [
            event.id, event.source, event.type, event.subject, event.dataContentType, event.dataSchema,
        ].map { $0.map { Array($0.utf8) } }
        let names = event.extensions.keys.sorted()
        return core + names.map { Array("\($0)=\(event.extensions[$0]?.description ?? "")".utf8) }
    }
    try expect("the event's texts are the same bytes", texts(actual), texts(expected), file: file, line: line)
}

/// A value in a failure message, cut off where it gets too long to be read.
private func shown(_ value: Any) -> String {
    let text = String(reflecting: value)
    return text.utf8.count <= 2000 ? text : "\(text.prefix(2000))…"
}
