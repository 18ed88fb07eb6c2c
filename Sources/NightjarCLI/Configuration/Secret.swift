import Foundation

/// A text that no log and no message shows.
struct Secret: Sendable, Hashable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The text itself.
    let text: String

    /// A secret.
    init(_ text: String) {
        self.text = text
    }

    /// Dots.
    var description: String { "•••" }
    /// Dots.
    var debugDescription: String { "•••" }
    /// Nothing, so that `dump` shows nothing.
    var customMirror: Mirror { Mirror(self, children: [:]) }

    /// Why a secret could not be read.
    struct Unreadable: Error {
        /// The reason, with the path.
        var message: String
    }

    /// The secret that a file holds, without the line break at its end. At most 64 KiB.
    static func contents(of path: String) -> Result<Secret, Unreadable> {
        guard let handle = FileHandle(forReadingAtPath: path) else {
            return .failure(Unreadable(message: "the file \(path) cannot be opened"))
        }
        defer { try? handle.close() }
        guard let data = try? handle.read(upToCount: (64 << 10) + 1) else {
            return .failure(Unreadable(message: "the file \(path) cannot be read"))
        }
        guard data.count <= 64 << 10, var text = String(validating: data, as: UTF8.self) else {
            return .failure(Unreadable(message: "the file \(path) is larger than 64 KiB or not UTF-8"))
        }
        while text.last?.isNewline == true { text.removeLast() }
        return text.isEmpty ? .failure(Unreadable(message: "the file \(path) is empty")) : .success(Secret(text))
    }
}
