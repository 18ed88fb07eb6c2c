public import Foundation

/// Whether the process exists and is not dead: one that nobody has reaped yet still exists.
public func isAlive(_ pid: pid_t) -> Bool {
    #if os(Linux)
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8) else { return false }
        return stat.split(separator: ")").last.map { !$0.hasPrefix(" Z") && !$0.hasPrefix(" X") } ?? false
    #else
        return kill(pid, 0) == 0
    #endif
}
