import Foundation

/// How text looks where it is written: with colours on a terminal, without them elsewhere.
struct TerminalStyle: Sendable {
    /// A person reads it on a terminal.
    var isTerminal: Bool
    /// Colours are wanted.
    var hasColour: Bool

    /// Text for files and pipes.
    static let plain = TerminalStyle(isTerminal: false, hasColour: false)
    /// Text for standard output.
    static var standardOutput: TerminalStyle { TerminalStyle(descriptor: STDOUT_FILENO) }
    /// Text for standard error.
    static var standardError: TerminalStyle { TerminalStyle(descriptor: STDERR_FILENO) }

    /// A style with these features.
    init(isTerminal: Bool, hasColour: Bool) {
        self.isTerminal = isTerminal
        self.hasColour = hasColour
    }

    /// The style that fits what the descriptor is, honouring `NO_COLOR` (no-color.org) and `TERM=dumb`.
    init(descriptor: Int32, environment: [String: String] = ProcessInfo.processInfo.environment) {
        isTerminal = isatty(descriptor) == 1
        let refused = environment["NO_COLOR"].map { !$0.isEmpty } ?? false
        hasColour = isTerminal && !refused && environment["TERM"] != "dumb"
    }

    /// Text as it is.
    func none(_ text: String) -> String { text }
    /// Bold text.
    func bold(_ text: String) -> String { coded(text, "1") }
    /// Text that stands back.
    func dim(_ text: String) -> String { coded(text, "2") }
    /// Red text: something failed.
    func red(_ text: String) -> String { coded(text, "31") }
    /// Green text: something is done.
    func green(_ text: String) -> String { coded(text, "32") }
    /// Yellow text: something needs time.
    func yellow(_ text: String) -> String { coded(text, "33") }
    /// Blue text: something waits.
    func blue(_ text: String) -> String { coded(text, "34") }
    /// Cyan text: something is under way.
    func cyan(_ text: String) -> String { coded(text, "36") }

    private func coded(_ text: String, _ code: String) -> String {
        hasColour ? "\u{1B}[\(code)m\(text)\u{1B}[0m" : text
    }
}
