import Foundation

/// What a file is read with, and the mistakes found so far.
final class ReadingContext {
    /// The folder that relative paths in the file begin at.
    let folder: URL
    /// The same, as a path.
    var folderPath: String { folder.path }
    /// The value of an environment variable.
    let environment: (String) -> String?
    /// The mistakes found so far.
    private(set) var diagnostics: [Diagnostic] = []
    /// Secrets that stand in the file itself: not to be shown.
    private(set) var secrets: Set<String> = []

    /// A context in which nothing is wrong yet.
    init(folder: URL, environment: @escaping (String) -> String?, diagnostics: [Diagnostic] = []) {
        self.folder = folder
        self.environment = environment
        self.diagnostics = diagnostics
    }

    /// Notes a mistake.
    func report(_ position: Position, _ message: String) {
        diagnostics.append(Diagnostic(position, message))
    }

    /// Notes that a text of the file is not to be shown, nor any of its lines.
    func hide(_ secret: String) {
        for line in secret.split(whereSeparator: \.isNewline) {
            let text = line.trimmingCharacters(in: .whitespaces)
            if !text.isEmpty { secrets.insert(text) }
        }
    }

    /// The node's text with the environment filled in; `nil`, with a mistake noted, if it is no text or lacks a variable.
    func text(_ node: DocumentNode, _ label: String, expected: String) -> String? {
        guard case .scalar(let raw, let style) = node.content, !node.isNull else {
            report(node.position, "\(label) holds \(node.kind); expected \(expected)")
            return nil
        }
        let (text, mistakes) = Interpolation.replaced(in: raw, environment: environment)
        for mistake in mistakes {
            // Within a line, a place in the text is a place in the file; in a block or over several lines it is not.
            var position = node.position
            if style != .block, !raw.contains(where: \.isNewline) {
                position.column += mistake.offset + (style == .quoted ? 1 : 0)
            }
            report(position, "\(label): \(mistake.message)")
        }
        return mistakes.isEmpty ? text : nil
    }

    /// A path of the file as an absolute one.
    func absolutePath(_ path: String) -> String {
        path.hasPrefix("/") ? path : folder.appendingPathComponent(path).standardizedFileURL.path
    }
}
