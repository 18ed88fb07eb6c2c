import CloudEvents
import NightjarCore
import NightjarTestKit
import Synchronization

/// A memory store whose calls a test holds up, or lets fail, before they are done or after.
final class HookedStore: StoreDecorator {
    /// What is called, where a test needs to tell.
    enum Call: Sendable {
        case claim(ClaimRequest)
        case report
        case settle([Settlement])
        case other

        /// Whether it is a claim that may bring runs.
        var isClaim: Bool { if case .claim(let request) = self { !request.demands.isEmpty } else { false } }

        /// Whether it settles that run.
        func settles(_ run: RunID) -> Bool {
            if case .settle(let settlements) = self { settlements.contains { $0.lease.run == run } } else { false }
        }
    }

    typealias Hook = @Sendable (Call) async throws(StoreError) -> Void

    let memory = MemoryStore()
    var base: any RunStore { memory }
    private let hooks = Mutex<(before: Hook?, after: Hook?)>((nil, nil))

    /// Called before each call; if it throws, the call does nothing.
    func before(_ hook: @escaping Hook) { hooks.withLock { $0.before = hook } }

    /// Called after each call; if it throws, the answer is lost.
    func after(_ hook: @escaping Hook) { hooks.withLock { $0.after = hook } }

    /// From now on calls are done as they come.
    func clear() { hooks.withLock { $0 = (nil, nil) } }

    func call<Value: Sendable>(
        _ effect: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value { try await call(.other, effect) }

    private func call<Value: Sendable>(
        _ call: Call, _ body: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let hooks = hooks.withLock { $0 }
        if let before = hooks.before { try await before(call) }
        let value = try await body()
        if let after = hooks.after { try await after(call) }
        return value
    }

    func claim(_ request: ClaimRequest) async throws(StoreError) -> ClaimResult {
        try await call(.claim(request)) { () async throws(StoreError) in try await base.claim(request) }
    }
    func report(_ progress: [(lease: Lease, progress: Progress)]) async throws(StoreError) {
        try await call(.report) { () async throws(StoreError) in try await base.report(progress) }
    }
    func settle(_ settlements: [Settlement]) async throws(StoreError) -> [SettleResult] {
        try await call(.settle(settlements)) { () async throws(StoreError) in try await base.settle(settlements) }
    }
}
