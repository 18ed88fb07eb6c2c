import Foundation

/// What AWS tools look at: variables and files.
struct AWSEnvironment: Sendable {
    var variables: [String: String]
    /// What a file holds; `nil` if it cannot be read.
    var read: @Sendable (_ path: String) -> String?

    /// Those of this process.
    static var process: AWSEnvironment {
        AWSEnvironment(variables: ProcessInfo.processInfo.environment) { path in
            FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// A variable that is set and not empty.
    subscript(_ name: String) -> String? {
        guard let value = variables[name], !value.isEmpty else { return nil }
        return value
    }

    /// A path whose `~` stands for the home folder.
    func expanded(_ path: String) -> String {
        guard path == "~" || path.hasPrefix("~/") else { return path }
        return (self["HOME"] ?? NSHomeDirectory()) + path.dropFirst()
    }
}
