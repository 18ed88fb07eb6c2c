import CloudEvents
import Logging
import Nightjar
import NightjarCore

@testable import NightjarFiles

/// Runs a source as the engine does, starting it again when it fails, while `body` runs.
func watching(
    _ folder: String, _ intake: RecordingIntake, mode: FilesOptions.Mode = .inotify, maximumNotifications: Int = 50_000,
    time: any TimeSource = SystemTimeSource(), waitsUntilRunning: Bool = true,
    _ change: (inout FilesOptions) -> Void = { _ in }, _ body: () async throws -> Void
) async throws {
    var options = FilesOptions(
        path: folder, on: Set(FilesOptions.Kind.allCases), mode: mode,
        // Where the system does not tell who writes, polling sees half of a file when a test stands still for that long.
        interval: .milliseconds(mode == .polling ? 100 : 30))
    change(&options)
    let source = FilesSource(options, maximumNotifications: maximumNotifications)
    let context = SourceContext(
        trigger: "inbox", intake: intake,
        state: {
            let snapshot = intake.snapshot
            var state = Dictionary(
                uniqueKeysWithValues: snapshot.states.map { (String(decoding: $0.key, as: UTF8.self), $0.value) })
            state[FolderMark.key] = snapshot.mark
            return state
        },
        health: { intake.set($0) }, time: time, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    let healthBefore = intake.snapshot.health.count
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            while !Task.isCancelled {
                do { try await source.run(context) } catch {
                    if Task.isCancelled { return }
                    context.health(.failing("\(error)"))
                }
                try? await context.time.sleep(for: .milliseconds(20))
            }
        }
        defer { group.cancelAll() }
        if waitsUntilRunning {
            try await intake.wait("running") { $0.health.dropFirst(healthBefore).contains(.running) }
        }
        try await body()
    }
}

let modes: [FilesOptions.Mode] = {
    #if os(Linux)
        [.inotify, .polling]
    #else
        [.polling]
    #endif
}()
