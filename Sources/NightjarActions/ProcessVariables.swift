import Foundation

/// The environment of this process.
enum ProcessVariables {
    /// Those that can be passed on and whose name is among `patterns`; a `*` at the end of a pattern stands for any rest.
    static func matching(_ patterns: [String]) -> [String: String] {
        ProcessInfo.processInfo.environment.filter { name, _ in
            isValidName(name)
                && patterns.contains { $0.hasSuffix("*") ? name.hasPrefix($0.dropLast()) : name == $0 }
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
