import CloudEvents
import NightjarCore

extension RunStoreConformance {
    static let leases: [RunStoreCase] = [
        .scene("a renewed lease lasts until its new time") { scene in
            let claimed = try await scene.running("e1", lasting: 30)
            let answers = try await scene.store.renew([claimed.lease], until: scene.second(50), now: scene.second(20))
            try expect("the answer", answers, [.renewed])
            var lease = claimed.lease
            lease.expiresAt = scene.second(50)
            try expect("the lease", try await scene.run(claimed.lease.run).lease, lease)
            try expect("before", try await scene.store.expired(now: scene.second(49), limit: 9).count, 0)
        },
        .scene("an expired lease is renewed as long as nobody took its run back, and lost from then on") { scene in
            let claimed = try await scene.running("e1", lasting: 30)
            let late = try await scene.store.renew([claimed.lease], until: scene.second(60), now: scene.second(40))
            try expect("after it expired", late, [.renewed])
            try expect("its end", try await scene.run(claimed.lease.run).lease?.expiresAt, scene.second(60))
            try expect("expired", try await scene.store.expired(now: scene.second(59), limit: 9).count, 0)
            let retry = Settlement.Transition.retry(at: scene.second(80), history: RunHistory(crashes: 1))
            _ = try await scene.settle(claimed, retry, at: 70, onlyIfExpired: true)
            let tooLate = try await scene.store.renew([claimed.lease], until: scene.second(90), now: scene.second(71))
            try expect("after it was taken back", tooLate, [.lost])
            let run = try await scene.run(claimed.lease.run)
            try expect("the run's lease", run.lease, nil)
            try expect("the run", run.state, .retryable)
        },
        .scene("the stored time of a lease counts, not the one that the node remembers") { scene in
            let claimed = try await scene.running("e1", lasting: 30)
            var lease = claimed.lease
            _ = try await scene.store.renew([lease], until: scene.second(60), now: scene.second(10))
            let again = try await scene.store.renew([lease], until: scene.second(90), now: scene.second(50))
            try expect("renewed by its first copy", again, [.renewed])
            lease.expiresAt = scene.second(10_000)
            try expect("expired", try await scene.store.expired(now: scene.second(90), limit: 9).count, 1)
        },
        .scene("the lease of an earlier attempt is lost, and renewing it changes nothing") { scene in
            let first = try await scene.running("e1")
            try await scene.settle(first, .retry(at: scene.second(1), history: RunHistory()))
            let second = try await scene.claimOne(node: "node-2", at: 2)
            let answers = try await scene.store.renew([first.lease], until: scene.second(90), now: scene.second(3))
            try expect("the answer", answers, [.lost])
            try expect("the lease", try await scene.run(second.lease.run).lease, second.lease)
        },
        .scene("the lease of a settled or unknown run is lost") { scene in
            let claimed = try await scene.running("e1")
            try await scene.settle(claimed, .complete(result: nil))
            let unknown = Lease(run: scene.newRunID(), token: 1, node: "node-1", expiresAt: scene.second(90))
            let answers = try await scene.store.renew(
                [claimed.lease, unknown], until: scene.second(90), now: scene.second(2))
            try expect("the answers", answers, [.lost, .lost])
        },
        .scene("renewing tells of a cancel request, and prolongs the lease still") { scene in
            let claimed = try await scene.running("e1")
            let id = claimed.lease.run
            _ = try await scene.store.change(.cancel, .ids([id]), now: scene.second(1), limit: 1)
            let answers = try await scene.store.renew([claimed.lease], until: scene.second(50), now: scene.second(2))
            try expect("the answer", answers, [.cancelRequested])
            try expect("the lease's end", try await scene.run(id).lease?.expiresAt, scene.second(50))
        },
        .scene("renewals are answered in the order of the leases") { scene in
            let first = try await scene.running("e1")
            let second = try await scene.running("e2")
            let third = try await scene.running("e3")
            try await scene.settle(second, .complete(result: nil))
            _ = try await scene.store.change(.cancel, .ids([third.lease.run]), now: scene.second(1), limit: 1)
            let leases = [third.lease, second.lease, first.lease]
            let answers = try await scene.store.renew(leases, until: scene.second(60), now: scene.second(2))
            try expect("the answers", answers, [.cancelRequested, .lost, .renewed])
        },
        .scene("renewing nothing answers nothing") { scene in
            try expect("the answers", try await scene.store.renew([], until: scene.second(1), now: scene.second(0)), [])
        },
        .scene("the newest progress is kept") { scene in
            let claimed = try await scene.running("e1")
            let id = claimed.lease.run
            try expect("before any report", try await scene.run(id).progress, nil)
            try await scene.store.report([(claimed.lease, Progress(0.25, "reading"))])
            try expect("the first", try await scene.run(id).progress, Progress(0.25, "reading"))
            try await scene.store.report([(claimed.lease, Progress(0.5)), (claimed.lease, Progress(0.75))])
            try expect("the last of two", try await scene.run(id).progress, Progress(0.75))
        },
        .scene("progress under a stale lease is ignored") { scene in
            let first = try await scene.running("e1")
            try await scene.store.report([(first.lease, Progress(0.25))])
            try await scene.settle(first, .retry(at: scene.second(1), history: RunHistory()))
            let second = try await scene.claimOne(at: 2)
            try await scene.store.report([(second.lease, Progress(0.5)), (first.lease, Progress(0.9))])
            try expect("the second's", try await scene.run(second.lease.run).progress, Progress(0.5))
            try await scene.settle(second, .complete(result: nil))
            try await scene.store.report([(second.lease, Progress(0.1))])
            try expect("after it was settled", try await scene.run(second.lease.run).progress, Progress(0.5))
        },
        .scene("reporting nothing, or on an unknown run, changes nothing") { scene in
            try await scene.store.report([])
            let unknown = Lease(run: scene.newRunID(), token: 1, node: "node-1", expiresAt: scene.second(90))
            try await scene.store.report([(unknown, Progress(0.5))])
            try expect("the runs", try await scene.store.runs(RunQuery()).runs.count, 0)
        },
        .scene("a node learns which of its own running runs are to be cancelled") { scene in
            let mine = try await scene.running("e1")
            _ = try await scene.running("e2")
            try await scene.accept("e3")
            let others = try await scene.claimOne(node: "node-2")
            let settled = try await scene.running("e4")
            for run in [mine, others, settled] {
                _ = try await scene.store.change(.cancel, .ids([run.lease.run]), now: scene.second(1), limit: 1)
            }
            try await scene.settle(settled, .cancel(reason: "cancelled by hand"))
            let asked = try await scene.store.cancelRequests(node: "node-1")
            try expect("the first node's", asked, [mine.lease])
            try expect("the second's", try await scene.store.cancelRequests(node: "node-2"), [others.lease])
            try expect("a third's", try await scene.store.cancelRequests(node: "node-3"), [])
        },
    ]
}
