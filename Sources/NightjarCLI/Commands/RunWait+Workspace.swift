import CloudEvents
import NightjarCore

extension RunWait {
    /// What a run waits for, by what its store and the present configuration know of it. Without a configuration only what
    /// does not depend on one is told.
    static func of(
        _ run: Run, in store: any RunStore, jobs: [ConfigurationOutline.JobOutline]?, now: Timestamp
    ) async throws(StoreError) -> RunWait? {
        guard run.state.isWaiting, let circumstances = try await store.circumstances(of: run.id) else { return nil }
        let policy = jobs?.first { $0.name == run.job }?.policy
        let wait = RunWait(circumstances, policy: policy, now: now)
        if case .job = wait, jobs == nil { return nil }
        return wait
    }

    /// For people.
    func text(now: Timestamp) -> String {
        "\(self)" + (until.map { ", \(RelativeTime.text($0, from: now))" } ?? "")
    }
}
