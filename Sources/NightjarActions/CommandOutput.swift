import NightjarCore
import Synchronization

/// All that one program writes: kept in the order in which it came, and read for progress, result and last words.
final class CommandOutput: Sendable {
    private struct State {
        var captured: CapturedOutput
        var standardOutput: StandardOutput
        /// Why items of a batch failed, by their index.
        var failed: [Int: String] = [:]
        var recentOutput = RecentLines()
        var recentErrors = RecentLines()
    }

    private let state: Mutex<State>
    private let onProgress: @Sendable (Progress) -> Void

    init(limit: Int, isBatch: Bool = false, onProgress: @escaping @Sendable (Progress) -> Void) {
        state = Mutex(
            State(captured: CapturedOutput(limit: limit), standardOutput: StandardOutput(isBatch: isBatch)))
        self.onProgress = onProgress
    }

    func appendOutput(_ bytes: UnsafeRawBufferPointer) {
        let marks = state.withLock { state in
            state.captured.append(bytes)
            state.recentOutput.append(bytes)
            return state.standardOutput.append(bytes)
        }
        for mark in marks { heed(mark) }
    }

    private func heed(_ mark: StandardOutput.Mark) {
        switch mark {
        case .progress(let progress): onProgress(progress)
        case .failed(let index, let reason):
            state.withLock { state in
                // More indices than a batch has items are wrong however many there are.
                if state.failed.count <= CollectClaim.mostItems { state.failed[index] = reason }
            }
        }
    }

    func appendError(_ bytes: UnsafeRawBufferPointer) {
        state.withLock { state in
            state.captured.append(bytes)
            state.recentErrors.append(bytes)
        }
    }

    /// To be called once, when the program has ended: the run's result, if what it wrote is one.
    func finish() -> [UInt8]? {
        let (mark, result) = state.withLock { $0.standardOutput.finish() }
        if let mark { heed(mark) }
        return result
    }

    /// Why items of a batch failed, by their index: what the program said in lines such as `::failed 3 no address`.
    var failedItems: [Int: String] { state.withLock { $0.failed } }

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
