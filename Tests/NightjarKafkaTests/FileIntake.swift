import CloudEvents
import Foundation
import NightjarCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// An intake whose store is a file that several processes share: a batch is one line, whole or not there, whatever is killed. As
/// a store does, it drops what it knows already.
final class FileIntake: Intake {
    struct Taken: Codable {
        var id: String
        var text: String
    }

    private struct Batch: Codable {
        var taken: [Taken]
        var known: [Taken]
        var state: [String: String]
    }

    private let path: String
    private let delay: Duration

    init(_ path: String, delay: Duration = .zero) {
        self.path = path
        self.delay = delay
    }

    /// What was taken, in order.
    var taken: [Taken] { batches.flatMap(\.taken) }
    /// What came once more.
    var known: [Taken] { batches.flatMap(\.known) }

    var stored: [String: [UInt8]] {
        var state: [String: [UInt8]] = [:]
        for batch in batches { for (key, value) in batch.state { state[key] = Array(value.utf8) } }
        return state
    }

    private var batches: [Batch] {
        let text = FileManager.default.contents(atPath: path) ?? Data()
        // What a process was killed in the midst of writing is no JSON.
        return text.split(separator: UInt8(ascii: "\n")).compactMap { try? JSONDecoder().decode(Batch.self, from: $0) }
    }

    func accept(_ batch: [IncomingEvent]) async throws(IntakeError) -> [Acceptance] {
        do { try await ContinuousClock().sleep(for: delay) } catch { throw IntakeError(.stopping, "stopping") }
        // The lock is the open file's: each call has its own.
        let descriptor = open(path, O_CREAT | O_APPEND | O_RDWR | O_CLOEXEC, 0o644)
        defer { close(descriptor) }
        guard flock(descriptor, LOCK_EX) == 0 else { throw IntakeError(.store, "not locked") }
        let known = Set(taken.map(\.id))
        func entries(_ events: [IncomingEvent]) -> [Taken] {
            events.map { Taken(id: $0.event.id, text: FakeIntake.text($0.event)) }
        }
        let changes = batch.flatMap(\.stateChanges).map { ($0.key, String(decoding: $0.value ?? [], as: UTF8.self)) }
        let line = Batch(
            taken: entries(batch.filter { !known.contains($0.event.id) }),
            known: entries(batch.filter { known.contains($0.event.id) }),
            state: Dictionary(changes) { $1 })
        // It begins a line of its own, whatever the last one became.
        guard let json = try? JSONEncoder().encode(line), case let bytes = Data("\n".utf8) + json + Data("\n".utf8),
            bytes.withUnsafeBytes({ write(descriptor, $0.baseAddress, $0.count) }) == bytes.count
        else { throw IntakeError(.store, "not written") }
        return batch.map { incoming in
            Acceptance(
                source: incoming.event.source, id: incoming.event.id,
                outcome: known.contains(incoming.event.id) ? .duplicate : .accepted, runs: [])
        }
    }
}
