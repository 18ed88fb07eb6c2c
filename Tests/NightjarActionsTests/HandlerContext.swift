import CloudEvents
import Logging
import NightjarCore
import Synchronization

/// Keeps what a handler reports and emits.
final class RecordingReporter: RunReporter {
    private let state = Mutex<(progress: [Progress], events: [Event])>(([], []))

    var progress: [Progress] { state.withLock { $0.progress } }
    var events: [Event] { state.withLock { $0.events } }

    func report(_ progress: Progress) {
        state.withLock { $0.progress.append(progress) }
    }

    func emit(_ event: Event) throws {
        state.withLock { $0.events.append(event) }
    }
}

extension RunContext {
    static let testID = RunID(high: 0x0192_aaaa_bbbb_7ccc, low: 0x8ddd_eeee_ffff_0001)

    /// The context of a run of job `work` with this event or this input.
    static func test(
        _ input: [UInt8] = [], event: Event? = nil, trigger: String? = "orders", attempt: Int = 2,
        deadline: Timestamp? = nil, reporter: RecordingReporter = RecordingReporter()
    ) -> RunContext {
        RunContext(
            id: testID, job: "work", trigger: trigger,
            event: event ?? Event(id: "e-1", source: "/shop", type: "order.placed", data: input), attempt: attempt,
            createdAt: Timestamp(microsecondsSince1970: 1_700_000_000_000_000), fencingToken: 7, node: "node-a",
            deadline: deadline, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            reporter: reporter)
    }
}

/// The failure that a handler is expected to throw.
func failure(of action: some RunHandler, _ context: RunContext = .test()) async throws -> RunFailure {
    do {
        let output = try await action.run(context)
        throw UnexpectedSuccess(output: output)
    } catch let failure as RunFailure {
        return failure
    }
}

struct UnexpectedSuccess: Error {
    let output: RunOutput
}

extension RunOutput {
    var text: String { String(decoding: output ?? [], as: UTF8.self) }
    var resultText: String? { result.map { String(decoding: $0, as: UTF8.self) } }
}

extension RunFailure {
    var text: String { String(decoding: output ?? [], as: UTF8.self) }
}

struct TestFailure: Error, CustomStringConvertible {
    let description: String
}

/// Bytes of all values, made quickly.
func manyBytes(_ count: Int) -> [UInt8] {
    var bytes = (0..<1021).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
    while bytes.count < count { bytes += bytes }
    return Array(bytes.prefix(count))
}
