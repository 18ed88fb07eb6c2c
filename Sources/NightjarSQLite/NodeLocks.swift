import NightjarCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Tells nodes that died from nodes that live, on one machine: each node holds a lock on a byte of a file beside the
/// database, and the kernel drops the lock with the process, however it ends.
///
/// The locks belong to the open file (`F_OFD_SETLK` of fcntl(2)), so several stores in one process tell each other apart
/// too. Where there are none, a dead node's runs wait until their leases expire.
final class NodeLocks: Sendable {
    private static let setLock: Int32 = 37  // F_OFD_SETLK
    private static let waitForLock: Int32 = 38  // F_OFD_SETLKW
    private static let getLock: Int32 = 36  // F_OFD_GETLK
    /// A byte that no node's slot reaches.
    private static let fileSlot = Int64.max - 1

    private let path: String
    private let descriptor: Int32
    private let held = Mutex<Set<Int64>>([])

    /// Opens the lock file, creating it if need be.
    init(path: String) throws(StoreError) {
        self.path = path
        #if os(Linux)
            descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            guard descriptor >= 0 else {
                throw StoreError(
                    .permanent,
                    "cannot open \(path), the lock file beside the database: \(String(cString: strerror(errno)))")
            }
        #else
            descriptor = -1
        #endif
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    /// Whether other nodes' deaths can be told at all.
    var isAvailable: Bool { descriptor >= 0 }

    /// Whether this store holds the slot.
    func holds(_ slot: Int64) -> Bool { held.withLock { $0.contains(slot) } }

    /// Says that the node of that slot lives as long as this process and this object do.
    func hold(_ slot: Int64) throws(StoreError) {
        guard isAvailable else { return }
        guard control(Self.setLock, slot) != nil else {
            let code = errno
            if code == EAGAIN || code == EACCES {
                throw StoreError(.conflict, "another process works under the same node name: choose another name")
            }
            throw StoreError(.permanent, "cannot lock \(path): \(String(cString: strerror(code)))")
        }
        held.withLock { _ = $0.insert(slot) }
    }

    /// Lets go of one lock.
    func release(_ slot: Int64) {
        guard held.withLock({ $0.remove(slot) }) != nil else { return }
        _ = control(Self.setLock, slot, type: Int16(F_UNLCK))
    }

    /// Lets go of every lock: the nodes have stopped.
    func releaseAll() {
        for slot in held.withLock({ $0 }) { release(slot) }
    }

    /// Whether the node of that slot is known to be dead.
    func isDead(_ slot: Int64) -> Bool {
        guard isAvailable, !holds(slot) else { return false }
        return control(Self.getLock, slot)?.l_type == Int16(F_UNLCK)
    }

    /// Opens or closes the database file with no other store doing so meanwhile: SQLite answers "busy" at once, without
    /// waiting, to some who come while another turns the file to WAL mode, or empties the log as the last to leave.
    func whileAlone<Value>(_ body: () throws(StoreError) -> Value) throws(StoreError) -> Value {
        guard isAvailable else { return try body() }
        while control(Self.waitForLock, Self.fileSlot) == nil {
            guard errno == EINTR else {
                throw StoreError(.permanent, "cannot lock \(path): \(String(cString: strerror(errno)))")
            }
        }
        defer { _ = control(Self.setLock, Self.fileSlot, type: Int16(F_UNLCK)) }
        return try body()
    }

    private func control(_ command: Int32, _ slot: Int64, type: Int16 = Int16(F_WRLCK)) -> flock? {
        var lock = flock()
        lock.l_type = type
        lock.l_whence = Int16(SEEK_SET)
        lock.l_start = off_t(slot)
        lock.l_len = 1
        let result = withUnsafeMutablePointer(to: &lock) { fcntl(descriptor, command, UnsafeMutableRawPointer($0)) }
        return result == 0 ? lock : nil
    }
}
