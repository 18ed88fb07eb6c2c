import NightjarCore

/// Waits until a run, which another process does, is finished.
struct RunWaiter {
    let store: any RunStore
    let time: any TimeSource

    /// The run when it is finished, or as it stands when the time is over.
    func run(_ id: RunID, within limit: Duration) async throws -> Run? {
        try await withThrowingTaskGroup(of: Run?.self) { group in
            group.addTask {
                // Listening begins before the first look, so that no change falls between the two.
                let changes = store.externalChanges()
                if let run = try await store.run(id), run.state.isFinished { return run }
                for await _ in changes {
                    if let run = try await store.run(id), run.state.isFinished { return run }
                }
                return nil
            }
            group.addTask {
                try await time.sleep(for: limit)
                return nil
            }
            let first = try await group.next() ?? nil
            group.cancelAll()
            if let first { return first }
            return try await store.run(id)
        }
    }
}
