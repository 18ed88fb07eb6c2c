import Foundation
import Nightjar
import NightjarCore

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

    /// What is paused, and how many runs of each job are in each state; nothing as long as there is no store.
    func standing() async throws -> (pauses: Set<Pause>, counts: [String: [RunState: Int]]) {
        guard FileManager.default.fileExists(atPath: store) else { return ([], [:]) }
        return try await withStore { store in (try await store.pauses(), try await store.counts()) }
    }

    /// Pauses or resumes a job, a trigger or a key, and says so.
    func setPaused(_ pause: Pause, _ isPaused: Bool) async throws {
        let thing = pause.kind == .trigger ? NamedThing.trigger : .job
        // Something that left the configuration can still be resumed, not paused.
        if isPaused { try outline?.check(thing, pause.name) } else { outline?.noteMissing(thing, pause.name) }
        try await withNewStore { try await $0.setPaused(pause, isPaused, now: SystemTimeSource().now) }
        let key = pause.key.map { "key \"\(Printable.line($0))\" of " } ?? ""
        print("\(key)\(thing.rawValue) \(pause.name) is \(isPaused ? "paused" : "active").")
    }
}
