import ArgumentParser
import Foundation
import Synchronization
import UnixSignals

/// Ctrl-C for work in steps: the step under way is finished, so that what is done can be told. A second one ends at once.
enum Interruption {
    /// The exit code of what a signal ended: 128 and SIGINT's number.
    static let exitCode = ExitCode(130)

    private final class Flag: Sendable {
        let isUp = Mutex(false)
    }

    /// Does `body`, which asks between two steps whether it is to stop.
    static func heeded<Answer>(_ body: (_ isInterrupted: () -> Bool) async throws -> Answer) async throws -> Answer {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        let flag = Flag()
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await signal in signals {
                    let isSecond = flag.isUp.withLock { isUp in
                        defer { isUp = true }
                        return isUp
                    }
                    if isSecond { Foundation.exit(128 + (signal == .sigint ? SIGINT : SIGTERM)) }
                }
            }
            defer { group.cancelAll() }
            return try await body { flag.isUp.withLock { $0 } }
        }
    }
}
