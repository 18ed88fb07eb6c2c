import CloudEvents
import Foundation

/// Standard output and standard error, written at once.
enum StandardOutput {
    /// Writes to standard output.
    static func write(_ text: String) throws {
        try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    }

    /// Writes a JSON text to standard output: indented for a person on a terminal, in one line for a program.
    static func write(json: [UInt8]) throws {
        let text = TerminalStyle.standardOutput.isTerminal ? JSONText.indented(json) : json
        try FileHandle.standardOutput.write(contentsOf: Data(text + [UInt8(ascii: "\n")]))
    }

    /// Writes to standard error. What cannot be written there has nowhere else to go.
    static func writeError(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}
