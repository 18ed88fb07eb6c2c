import CloudEvents
import Foundation
import NightjarCore
import Synchronization

/// An intake whose store is a file that several processes share: a batch is one write at its end, whole or not there, whatever
/// is killed. As a store does, it drops what it knows already.
final class FileIntake: Intake {
    struct Line: Codable {
        var id: String
        var text: String
        var state: [String: String]
    }

    private let path: String
    private let delay: Duration
    private let descriptor: Int32

    init(_ path: String, delay: Duration = .zero) {
        self.path = path
        self.delay = delay
        descriptor = open(path, O_CREAT | O_APPEND | O_RDWR, 0o644)
    }

    deinit { close(descriptor) }

    var lines: [Line] {
        let text = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
        return text.split(separator: "\n").compactMap { try? JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    }

    var stored: [String: [UInt8]] {
        var state: [String: [UInt8]] = [:]
        for line in lines { for (key, value) in line.state { state[key] = Array(value.utf8) } }
        return state
    }

    func accept(_ batch: [IncomingEvent]) async throws(IntakeError) -> [Acceptance] {
        do { try await ContinuousClock().sleep(for: delay) } catch { throw IntakeError(.stopping, "stopping") }
        let text = batch.map { incoming in
            let state = incoming.stateChanges.map { ($0.key, String(decoding: $0.value ?? [], as: UTF8.self)) }
            let line = Line(
                id: incoming.event.id, text: FakeIntake.text(incoming.event),
                state: Dictionary(uniqueKeysWithValues: state))
            return ((try? JSONEncoder().encode(line)).map { String(decoding: $0, as: UTF8.self) } ?? "") + "\n"
        }.joined()
        guard write(descriptor, text, text.utf8.count) == text.utf8.count else {
            throw IntakeError(.store, "not written")
        }
        return batch.map { Acceptance(source: $0.event.source, id: $0.event.id, outcome: .accepted, runs: []) }
    }
}
