/// What the handler of a batch throws when some items failed: the others are done, and the next attempt gets those that are
/// left. When the attempts are used up, the run is dead with them.
public struct BatchFailure: Error, Sendable, CustomStringConvertible {
    /// What went wrong, by the index in ``RunContext/items``. With an index that is out of range, or none at all, it cannot be
    /// told what was done, and all items count as failed.
    public var items: [Int: String]
    /// What is to follow for those that failed.
    public var disposition: RunFailure.Disposition
    /// What kind of failure it is, for the rules of a ``RetryPolicy``.
    public var code: String?
    /// What the handler wrote, to be kept with the attempt.
    public var output: [UInt8]?

    /// A failure of these items.
    public init(
        items: [Int: String], _ disposition: RunFailure.Disposition = .retry, code: String? = nil,
        output: [UInt8]? = nil
    ) {
        self.items = items
        self.disposition = disposition
        self.code = code
        self.output = output
    }

    /// How many of so many items failed, and why the first three of them did.
    package func message(of count: Int) -> String {
        guard count > 0 else { return description.isEmpty ? "the handler said that items failed" : description }
        if items.isEmpty { return "nothing counts as done: the handler said that items failed, but not which" }
        if let stray = items.keys.filter({ !(0..<count).contains($0) }).min() {
            return "nothing counts as done: the handler said that item \(stray) failed, expected 0 to \(count - 1)"
        }
        let shown = items.sorted { $0.key < $1.key }.prefix(3).map { "item \($0.key): \($0.value)" }
        let more = items.count > 3 ? "; …" : ""
        return "\(items.count) of \(count) items failed: \(shown.joined(separator: "; "))\(more)"
    }

    /// The indices of the items that are done, of so many.
    package func done(of count: Int) -> [Int] {
        guard !items.isEmpty, items.keys.allSatisfy({ (0..<count).contains($0) }) else { return [] }
        return (0..<count).filter { items[$0] == nil }
    }

    /// The indices with the reasons.
    public var description: String {
        items.sorted { $0.key < $1.key }.map { "item \($0.key): \($0.value)" }.joined(separator: "; ")
    }
}
