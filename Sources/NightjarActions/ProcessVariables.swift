import Foundation

/// The environment of this process.
enum ProcessVariables {
    /// All variables that can be passed on. Read once: it does not change while a node runs.
    static let all = ProcessInfo.processInfo.environment.filter { isValidName($0.key) }

    /// Those whose name is among `patterns`; a `*` at the end of a pattern stands for any rest.
    static func matching(_ patterns: [String]) -> [String: String] {
        all.filter { name, _ in
            patterns.contains { $0.hasSuffix("*") ? name.hasPrefix($0.dropLast()) : name == $0 }
        }
    }

    /// Whether a program can be given a variable of this name.
    static func isValidName(_ name: String) -> Bool {
        guard let first = name.utf8.first, !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains(first) else {
            return false
        }
        return !name.utf8.contains { $0 == UInt8(ascii: "=") || $0 == 0 }
    }
}
