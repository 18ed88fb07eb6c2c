import NightjarCore
import Synchronization

/// How nodes make themselves known, and how dead ones are told from living ones.
extension SQLiteStore {
    /// Gives the node a slot in the lock file before its first claim, so that others can tell when it dies.
    ///
    /// The slot is locked before the transaction that records it commits: nobody ever sees it without its lock.
    func register(_ node: NodeID) async throws(StoreError) {
        if registered.withLock({ $0.contains(node) }) { return }
        let taken = TakenSlot()
        // Where the commit fails neither the slot's row nor the end of the old leases is there, and another may get the slot.
        try await committer.perform { [locks] connection in
            let slot = try connection.slot(of: node)
            guard !locks.holds(slot) else { return }
            try locks.hold(slot)
            taken.note(slot)
            // The name was free, so whoever had it before and left runs behind is dead.
            if locks.isAvailable { try connection.endLeases(of: node) }
            try connection.removeDeadNodes(locks)
        } undo: { [locks] in
            if let slot = taken.take() { locks.release(slot) }
        }
        registered.withLock { _ = $0.insert(node) }
    }
}

extension Connection {
    /// The node's slot, which is made if there is none.
    fileprivate func slot(of node: NodeID) throws -> Int64 {
        let insert = try statement("INSERT INTO nodes (name) VALUES (?) ON CONFLICT (name) DO NOTHING")
        insert.bind(1, node)
        try insert.run()
        let select = try statement("SELECT slot FROM nodes WHERE name = ?")
        select.bind(1, node)
        defer { select.reset() }
        guard try select.step() else { throw StoreError(.conflict, "the node \(node) has no slot") }
        return select.int64(0)
    }

    /// Lets them expire in the past, whatever the clocks of those who look for them. Uses runs_running.
    fileprivate func endLeases(of node: NodeID) throws {
        let update = try statement("UPDATE runs SET lease_expires_at = started_at WHERE state = 2 AND lease_node = ?")
        update.bind(1, node)
        try update.run()
    }

    /// Removes the rows of dead nodes, which are kept only as long as they explain why a run is rescued.
    fileprivate func removeDeadNodes(_ locks: NodeLocks) throws {
        let select = try statement("SELECT slot FROM nodes")
        var dead: [Int64] = []
        while try select.step() {
            if locks.isDead(select.int64(0)) { dead.append(select.int64(0)) }
        }
        // Uses runs_running.
        let delete = try statement(
            """
            DELETE FROM nodes WHERE slot = ?
            AND NOT EXISTS (SELECT 1 FROM runs WHERE state = 2 AND lease_node = nodes.name)
            """)
        for slot in dead {
            delete.bind(1, slot)
            try delete.run()
        }
    }
}

/// A slot that was locked in a transaction that may still fail.
private final class TakenSlot: Sendable {
    private let slot = Mutex<Int64?>(nil)

    func note(_ number: Int64) { slot.withLock { $0 = number } }

    /// The slot, once.
    func take() -> Int64? { slot.withLock { $0.take() } }
}
