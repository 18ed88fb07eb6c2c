import Dispatch

/// Where calls that wait for a disk are made: on a queue of its own, so that neither a slow disk nor a network file
/// system that hangs holds a thread that Swift's tasks share.
struct Disk: Sendable {
    private let queue = DispatchQueue(label: "nightjar.files")

    /// Does `work`, one after the other.
    func run<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Result(catching: work)) }
        }
    }
}
