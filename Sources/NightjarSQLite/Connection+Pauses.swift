import CloudEvents
import NightjarCore

/// What is paused.
extension Connection {
    func pauses() throws -> Set<Pause> {
        let select = try statement("SELECT kind, name, key FROM pauses")
        var pauses: Set<Pause> = []
        while try select.step() {
            switch Pause.Kind(rawValue: select.text(0)) {
            case .key: pauses.insert(Pause(key: select.text(2), ofJob: select.text(1)))
            case let kind?: pauses.insert(Pause(kind, select.text(1)))
            case nil: break
            }
        }
        return pauses
    }

    /// The jobs or the triggers that are paused.
    func pausedNames(_ kind: Pause.Kind) throws -> Set<String> {
        let select = try statement("SELECT name FROM pauses WHERE kind = ?")
        select.bind(1, kind.rawValue)
        var names: Set<String> = []
        while try select.step() { names.insert(select.text(0)) }
        return names
    }

    func setPaused(_ pause: Pause, _ isPaused: Bool, now: Timestamp) throws {
        let change =
            isPaused
            ? try statement(
                "INSERT INTO pauses (kind, name, key, paused_at) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING")
            : try statement("DELETE FROM pauses WHERE kind = ? AND name = ? AND key = ?")
        change.bind(1, pause.kind.rawValue)
        change.bind(2, pause.name)
        change.bind(3, pause.key ?? "")
        if isPaused { change.bind(4, now) }
        try change.run()
        switch pause.kind {
        case .key: try setLanePaused(pause.key ?? "", of: pause.name, isPaused)
        case .trigger: if !isPaused { try unpauseLanes() }
        case .job: break
        }
    }

    func isPaused(_ pause: Pause) throws -> Bool {
        let select = try statement("SELECT 1 FROM pauses WHERE kind = ? AND name = ? AND key = ?")
        select.bind(1, pause.kind.rawValue)
        select.bind(2, pause.name)
        select.bind(3, pause.key ?? "")
        defer { select.reset() }
        return try select.step()
    }

    /// Whether any key of the job is paused.
    func hasPausedKeys(_ job: String) throws -> Bool {
        let select = try statement("SELECT 1 FROM pauses WHERE kind = 'key' AND name = ? LIMIT 1")
        select.bind(1, job)
        defer { select.reset() }
        return try select.step()
    }
}
