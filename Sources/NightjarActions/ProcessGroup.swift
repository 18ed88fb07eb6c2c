import Synchronization
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A program and all that it started, unless that left the group.
///
/// To be used only while the program is not reaped: until then nobody else can get its number.
struct ProcessGroup: Sendable {
    private static let shortestPause = Duration.milliseconds(1)
    private static let longestPause = Duration.milliseconds(50)

    /// The leaders of the groups that are there now.
    private static let present = Mutex<Set<pid_t>>([])

    /// The program that the group was made for.
    let leader: pid_t

    /// Kills all groups that are there.
    static func killAll() {
        // Nobody leaves, and so nobody is reaped, before all have been killed.
        present.withLock { leaders in
            for leader in leaders { ProcessGroup(leader: leader).send(SIGKILL) }
        }
    }

    /// Counts among those that are there while `body` runs.
    func present<Value>(_ body: () async throws -> Value) async rethrows -> Value {
        Self.present.withLock { _ = $0.insert(leader) }
        defer { Self.present.withLock { _ = $0.remove(leader) } }
        return try await body()
    }

    /// Whether the program has ended. It stays to be reaped.
    var hasEnded: Bool {
        var info = siginfo_t()
        var result: CInt
        repeat {
            result = waitid(P_PID, id_t(leader), &info, WEXITED | WNOHANG | WNOWAIT)
        } while result != 0 && errno == EINTR
        guard result == 0 else { return true }
        #if os(Linux)
            return info.si_signo != 0
        #else
            return info.si_pid != 0
        #endif
    }

    /// Waits until the program has ended.
    func waitForEnd() async {
        // It mostly has: a program that closes its output is about to end.
        await wait { hasEnded }
    }

    /// Asks the group to end, and kills what is left of it after `grace`.
    /// - Returns: false if the program had ended before it was asked.
    func stop(grace: Duration) async -> Bool {
        guard !hasEnded else { return false }
        send(SIGTERM)
        // A shell ends at once and leaves what it started behind; that has the same time to end well.
        await wait(atMost: grace) { hasEnded && !hasOthers }
        send(SIGKILL)
        return true
    }

    private func send(_ signal: CInt) {
        // The only possible error is that nobody is left.
        _ = kill(-leader, signal)
    }

    private func wait(atMost limit: Duration? = nil, until isDone: () -> Bool) async {
        let clock = ContinuousClock()
        let deadline = limit.map { clock.now + $0 }
        var pause = Self.shortestPause
        while !isDone(), !Task.isCancelled {
            if let deadline, clock.now >= deadline { return }
            // Cancellation ends the pause and is seen above.
            try? await clock.sleep(for: pause)
            pause = min(pause * 2, Self.longestPause)
        }
    }

    /// Whether a process other than the leader is in the group and alive.
    private var hasOthers: Bool {
        #if os(Linux)
            // kill(2) finds the dead leader too, as long as it is not reaped.
            guard let folder = opendir("/proc") else { return true }
            defer { closedir(folder) }
            while let entry = readdir(folder) {
                let name = withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                guard let pid = pid_t(name), pid != leader else { continue }
                if Self.isAlive(pid, in: leader) { return true }
            }
            return false
        #else
            return kill(-leader, 0) == 0
        #endif
    }

    #if os(Linux)
        /// Reads state and group of a process: the third and fifth field of its `stat` (proc(5)).
        private static func isAlive(_ pid: pid_t, in group: pid_t) -> Bool {
            guard let file = try? FileDescriptor.open("/proc/\(pid)/stat", .readOnly, options: .closeOnExec) else {
                return false
            }
            defer { try? file.close() }
            var bytes = [UInt8](repeating: 0, count: 512)
            guard let count = try? bytes.withUnsafeMutableBytes({ try file.read(into: $0) }),
                // The second field is the program's name, which may contain anything.
                let nameEnd = bytes[..<count].lastIndex(of: UInt8(ascii: ")"))
            else { return false }
            let fields = bytes[(nameEnd + 1)..<count].split(separator: UInt8(ascii: " "))
            guard fields.count > 2, let state = fields[0].first else { return false }
            return state != UInt8(ascii: "Z") && state != UInt8(ascii: "X")
                && pid_t(String(decoding: fields[2], as: UTF8.self)) == group
        }
    #endif
}
