import Foundation

/// The environment of this process.
enum ProcessVariables {
    /// All variables. The environment is read once: it does not change while a node runs.
    static let all = ProcessInfo.processInfo.environment
}
