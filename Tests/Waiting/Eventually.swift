/// What a test waited for did not happen in time.
public struct Overdue: Error, CustomStringConvertible {
    public let description: String

    /// An error that says what was waited for, how long, and how things stand.
    public init(_ what: String, within limit: Duration, details: String = "") {
        description = "not within \(limit): \(what)" + (details.isEmpty ? "" : "; \(details)")
    }
}

/// Looks again and again until a condition holds: for what tells nobody when it changes, such as another process.
/// - Parameters:
///   - details: what the error tells besides.
/// - Throws: ``Overdue`` when it does not hold in time, and what the condition throws.
public func eventually(
    _ what: String, within limit: Duration = .seconds(60), details: () -> String = { "" },
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while try await !condition() {
        guard ContinuousClock.now < deadline else { throw Overdue(what, within: limit, details: details()) }
        try await ContinuousClock().sleep(for: .milliseconds(10))
    }
}
