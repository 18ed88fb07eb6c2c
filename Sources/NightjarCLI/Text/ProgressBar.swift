import Foundation

/// How far long work has come, on standard error: a bar that is drawn again and again on a terminal, one line at the beginning
/// elsewhere.
struct ProgressBar {
    private static let width = 24

    private let what: String
    private let style: TerminalStyle
    private let write: (String) -> Void
    private var shown = ""

    /// A bar for what is done, such as `retrying runs`.
    /// - Parameters:
    ///   - total: how much there is to do; `nil` if that is not known.
    ///   - write: where it is written.
    init(
        _ what: String, total: Int? = nil, style: TerminalStyle = .standardError,
        write: @escaping (String) -> Void = { StandardOutput.writeError($0) }
    ) {
        self.what = what
        self.style = style
        self.write = write
        if !style.isTerminal { write(total.map { "\(what): \($0)\n" } ?? "\(what)\n") }
    }

    /// Shows the state of things.
    /// - Parameters:
    ///   - fraction: from 0 to 1.
    ///   - note: what is done so far, in words.
    mutating func show(_ fraction: Double, _ note: String) {
        guard style.isTerminal else { return }
        let share = fraction.isFinite ? min(1, max(0, fraction)) : 0
        let filled = Int(share * Double(Self.width))
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: Self.width - filled)
        let line = "\(what)  \(style.cyan(bar)) \(Int(share * 100))%  \(note)"
        guard line != shown else { return }
        shown = line
        // Back to the line's beginning, and what stood behind it away.
        write("\r\(line)\u{1B}[K")
    }

    /// Takes the bar away, so that the result stands alone.
    mutating func end() {
        guard style.isTerminal, !shown.isEmpty else { return }
        shown = ""
        write("\r\u{1B}[K")
    }
}
