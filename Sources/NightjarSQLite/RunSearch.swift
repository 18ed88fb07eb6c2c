import NightjarCore

/// Finds the runs that fit a filter by the index that holds the fewest others.
///
/// Live, dead and cancelled runs are looked for in the partial indexes of their states, whatever has completed. Completed
/// runs, and runs of any state, are looked for in the order of all runs: they are most of them, so a page is soon full.
struct RunSearch {
    enum Order: String {
        case newestFirst = "DESC"
        case oldestFirst = "ASC"
    }

    private let filter: RunFilter
    private let order: Order
    private let before: RunID?
    private let after: RunID?

    init(_ filter: RunFilter, order: Order, before: RunID? = nil, after: RunID? = nil) {
        self.filter = filter
        self.order = order
        self.before = before
        self.after = after
    }

    /// The name under which connections know ``foldCase(_:)``.
    static let foldCaseFunction = "nightjar_fold_case"

    /// What texts are compared by where SQLite's own comparison, which knows ASCII only, is not enough.
    static func foldCase(_ text: String) -> String { text.lowercased() }

    /// At most `limit` of the runs.
    func ids(_ connection: Connection, limit: Int) throws -> [RunID] {
        guard limit > 0 else { return [] }
        let select = try connection.statement(sql)
        bind(select)
        select.bind(5, limit)
        var ids: [RunID] = []
        while try select.step() { ids.append(select.runID(0)) }
        return ids
    }

    /// How many runs there are.
    func count(_ connection: Connection) throws -> Int {
        let select = try connection.statement("SELECT count(*) FROM (\(unordered))")
        bind(select)
        defer { select.reset() }
        return try select.step() ? select.int(0) : 0
    }

    private func bind(_ select: SQLStatement) {
        if let job = filter.job { select.bind(1, job) }
        if let trigger = filter.trigger { select.bind(2, trigger) }
        if let text = filter.text { select.bind(3, isPlain(text) ? Self.pattern(text) : Self.foldCase(text)) }
        if let before { select.bind(4, before) }
        if let after { select.bind(6, after) }
        if let createdUntil = filter.createdUntil { select.bind(7, createdUntil) }
    }

    var sql: String { unordered + " ORDER BY id \(order.rawValue) LIMIT ?5" }

    private var unordered: String {
        places.map { place in
            let events = filter.text == nil ? "" : " CROSS JOIN events e ON e.sequence = r.event"
            return "SELECT r.id AS id FROM runs r\(place.index)\(events) WHERE \(conditions(place.state))"
        }.joined(separator: " UNION ALL ")
    }

    /// The indexes to look in, with the condition that makes each of them usable.
    private var places: [(index: String, state: String?)] {
        let states = filter.states
        if states.isEmpty { return [("", nil)] }
        if states.contains(.completed) {
            return [("", "r.state IN (\(states.map { "\($0.rawValue)" }.sorted().joined(separator: ", ")))")]
        }
        var places: [(index: String, state: String?)] = []
        if states.contains(.available) {
            places.append((" INDEXED BY runs_available", "r.state = 1 AND r.key IS NULL AND r.crashes = 0"))
            places.append((" INDEXED BY runs_keyed", "r.state = 1 AND r.key IS NOT NULL AND r.crashes = 0"))
            places.append((" INDEXED BY runs_suspect", "r.state = 1 AND r.crashes > 0"))
        }
        if states.contains(.running) { places.append((" INDEXED BY runs_running", "r.state = 2")) }
        switch (states.contains(.scheduled), states.contains(.retryable)) {
        case (true, true): places.append((" INDEXED BY runs_due", "r.state IN (0, 3)"))
        case (true, false): places.append((" INDEXED BY runs_due", "r.state IN (0, 3) AND r.state = 0"))
        case (false, true): places.append((" INDEXED BY runs_due", "r.state IN (0, 3) AND r.state = 3"))
        case (false, false): break
        }
        if states.contains(.dead) { places.append((" INDEXED BY runs_dead", "r.state = 5")) }
        if states.contains(.cancelled) { places.append((" INDEXED BY runs_cancelled", "r.state = 6")) }
        return places
    }

    private func conditions(_ state: String?) -> String {
        var parts = state.map { [$0] } ?? []
        if filter.job != nil { parts.append("r.job = ?1") }
        if filter.trigger != nil { parts.append("r.trigger = ?2") }
        if let text = filter.text {
            let columns = ["r.job", "r.trigger", "r.reason", "e.id", "e.type", "e.subject"]
            let comparisons = columns.map {
                isPlain(text) ? "\($0) LIKE ?3 ESCAPE '\\'" : "instr(\(Self.foldCaseFunction)(\($0)), ?3) > 0"
            }
            parts.append("(" + comparisons.joined(separator: " OR ") + ")")
        }
        if before != nil { parts.append("r.id < ?4") }
        if after != nil { parts.append("r.id > ?6") }
        if filter.createdUntil != nil { parts.append("r.created_at <= ?7") }
        return parts.isEmpty ? "1" : parts.joined(separator: " AND ")
    }

    /// Whether LIKE can compare it: it folds the case of ASCII only, and takes patterns up to a length.
    private func isPlain(_ text: String) -> Bool {
        text.utf8.count <= 1000 && text.utf8.allSatisfy { $0 < 0x80 && $0 != 0 }
    }

    private static func pattern(_ text: String) -> String {
        "%" + String(text.flatMap { "%_\\".contains($0) ? "\\\($0)" : "\($0)" }) + "%"
    }
}
