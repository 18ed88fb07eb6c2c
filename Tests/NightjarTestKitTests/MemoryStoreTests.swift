import CloudEvents
import NightjarCore
import NightjarTestKit
import Testing

@Suite("Memory store")
struct MemoryStoreTests {
    @Test("the memory store keeps the contract", arguments: RunStoreConformance.cases)
    func conforms(_ behaviour: RunStoreCase) async throws {
        let store = MemoryStore()
        try await behaviour.check(against: store)
        #expect(store.checkInvariants() == [])
        #expect(try await RunStoreInvariants.violations(in: store) == [])
    }

    @Test("the suite has at least 60 behaviours, each with a name of its own")
    func namesAreUnique() {
        let names = RunStoreConformance.cases.map(\.name)
        #expect(names.count >= 60)
        #expect(Set(names).count == names.count)
    }

    @Test("the runs of a node that is known to be dead are expired at once, and can be rescued")
    func deadNode() async throws {
        let now = Timestamp(microsecondsSince1970: 1_800_000_000_000_000)
        let store = MemoryStore()
        let event = Event(id: "e1", source: "/", type: "t")
        let new = NewRun(id: RunID(high: 1, low: 1), job: "send", trigger: nil, runAt: now)
        _ = try await store.accept([IntakeRecord(event: event, acceptedAt: now, runs: [new])])
        let request = ClaimRequest(
            node: "node-1", now: now, leaseExpiresAt: now + .seconds(30), demands: [.init(job: "send", limit: 1)],
            limit: 1)
        let claimed = try #require(try await store.claim(request).runs.first)
        #expect(try await store.expired(now: now, limit: 1).isEmpty)
        store.declareDead("node-1")
        #expect(try await store.expired(now: now, limit: 1).map(\.lease) == [claimed.lease])
        let rescue = Settlement(
            lease: claimed.lease, attempt: nil, transition: .retry(at: now, history: RunHistory(crashes: 1)), at: now,
            onlyIfExpired: true)
        #expect(try await store.settle([rescue]) == [.settled(.available, emitted: [])])
    }

    @Test("a change from outside is told to all who watch, and closing ends their streams")
    func externalChanges() async throws {
        let store = MemoryStore()
        var first = store.externalChanges().makeAsyncIterator()
        var second = store.externalChanges().makeAsyncIterator()
        store.announceExternalChange()
        store.announceExternalChange()
        #expect(await first.next() != nil)
        #expect(await second.next() != nil)
        store.close()
        #expect(await first.next() == nil)
        #expect(await second.next() == nil)
        var late = store.externalChanges().makeAsyncIterator()
        #expect(await late.next() == nil)
    }
}
