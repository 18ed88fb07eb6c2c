import Foundation
import Nightjar
import NightjarCore
import NightjarSQLite

extension Workspace {
    /// What the configuration says.
    /// - Throws: ``CommandFailure`` if there is none.
    func configured() throws -> ConfigurationOutline {
        guard let outline else {
            throw CommandFailure(
                "without a configuration nothing says which jobs and triggers there are; expected --config FILE, $NIGHTJAR_CONFIG or nightjar.yaml in this folder"
            )
        }
        return outline
    }

    /// What is paused; nothing as long as there is no store.
    func pauses() async throws -> Set<Pause> {
        guard FileManager.default.fileExists(atPath: store) else { return [] }
        let store = try openStore()
        let pauses = try await store.pauses()
        try store.close()
        return pauses
    }

    /// How many runs of each job are in each state; none as long as there is no store.
    func counts() async throws -> [String: [RunState: Int]] {
        guard FileManager.default.fileExists(atPath: store) else { return [:] }
        let store = try openStore()
        let counts = try await store.counts()
        try store.close()
        return counts
    }

    /// Pauses or resumes a job or trigger, and says so.
    func setPaused(_ pause: Pause, _ isPaused: Bool) async throws {
        if let outline {
            let names = pause.kind == .job ? outline.jobs.map(\.name) : outline.triggers.map(\.name)
            // Something that left the configuration can still be resumed, not paused.
            if isPaused, !names.contains(pause.name) {
                let hint =
                    NearestName.of(pause.name, among: names).map { "did you mean \"\($0)\"?" }
                    ?? "expected one of: \(names.joined(separator: ", "))"
                throw CommandFailure("there is no \(pause.kind.rawValue) \"\(pause.name)\"; \(hint)")
            }
        }
        let store = try SQLiteStore(path: store)
        try await store.setPaused(pause, isPaused, now: SystemTimeSource().now)
        try store.close()
        print("\(pause.kind.rawValue) \(pause.name) is \(isPaused ? "paused" : "active").")
    }
}
