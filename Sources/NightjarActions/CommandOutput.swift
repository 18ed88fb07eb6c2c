import NightjarCore
import Synchronization

/// All that one program writes: kept in the order in which it came, and read for progress, result and last words.
final class CommandOutput: Sendable {
    private struct State {
        var captured: CapturedOutput
        var standardOutput = StandardOutput()
        var recentOutput = RecentLines()
        var recentErrors = RecentLines()
    }

    private let state: Mutex<State>
    private let onProgress: @Sendable (Progress) -> Void

    init(limit: Int, onProgress: @escaping @Sendable (Progress) -> Void) {
        state = Mutex(State(captured: CapturedOutput(limit: limit)))
        self.onProgress = onProgress
    }

    func appendOutput(_ bytes: UnsafeRawBufferPointer) {
        let progress = state.withLock { state in
            state.captured.append(bytes)
            state.recentOutput.append(bytes)
            return state.standardOutput.append(bytes)
        }
        for progress in progress { onProgress(progress) }
    }

    func appendError(_ bytes: UnsafeRawBufferPointer) {
        state.withLock { state in
            state.captured.append(bytes)
            state.recentErrors.append(bytes)
        }
    }

    /// To be called once, when the program has ended: the run's result, if what it wrote is one.
    func finish() -> [UInt8]? {
        let (progress, result) = state.withLock { $0.standardOutput.finish() }
        if let progress { onProgress(progress) }
        return result
    }

    /// What was kept; `nil` if nothing was written.
    var bytes: [UInt8]? {
        let bytes = state.withLock { $0.captured.bytes }
        return bytes.isEmpty ? nil : bytes
    }

    /// The last lines of standard error, or else of standard output.
    var lastWords: String? {
        state.withLock { $0.recentErrors.summary ?? $0.recentOutput.summary }
    }
}
