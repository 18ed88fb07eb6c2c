import Expressions
import Foundation
import NightjarCore

extension Reading where Value == String {
    /// Any text but the empty one.
    static var string: Reading { text("a text") { $0.isEmpty ? nil : $0 } }

    /// Any text.
    static var anyString: Reading { text("a text") { $0 } }

    /// A path, made absolute: relative ones begin at the file's folder.
    static var path: Reading {
        Reading("a path") { node, label, context in
            guard let text = context.text(node, label, expected: "a path") else { return nil }
            guard !text.isEmpty, !text.contains("\0") else {
                context.report(node.position, "\(label): \(node.shown) is wrong; expected a path")
                return nil
            }
            return context.absolutePath(text)
        }
    }

    /// The name of a job or a trigger.
    static var name: Reading {
        text("a name of 1 to 128 letters, digits, '-', '_' and '.', beginning with a letter or digit") {
            Job.isValidName($0) ? $0 : nil
        }
    }

    /// A URL for HTTP, with a host.
    static var httpURL: Reading {
        text("a URL such as https://example.com/path") { text in
            guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
                scheme == "http" || scheme == "https", let host = parts.host, !host.isEmpty,
                !text.contains(where: { $0.isWhitespace || $0.isNewline })
            else { return nil }
            return text
        }
    }

    /// An HTTP method.
    static var httpMethod: Reading {
        text("an HTTP method such as POST") { text in
            let method = text.uppercased()
            return !method.isEmpty && method.utf8.allSatisfy { (65...90).contains($0) } ? method : nil
        }
    }
}

extension Reading where Value == Bool {
    /// `true` or `false`.
    static var boolean: Reading { text("true or false") { $0 == "true" ? true : $0 == "false" ? false : nil } }
}

extension Reading where Value == Int {
    /// A whole number within a range.
    static func integer(_ range: ClosedRange<Int>) -> Reading {
        let expected =
            range.upperBound == .max
            ? "a whole number of at least \(range.lowerBound)"
            : "a whole number from \(range.lowerBound) to \(range.upperBound)"
        return text(expected) { Int($0).flatMap { range.contains($0) ? $0 : nil } }
    }

    /// A number of bytes within a range.
    static func size(_ range: ClosedRange<Int> = 0...(1 << 40)) -> Reading {
        let bounds = range == 0...(1 << 40) ? "" : ", from \(range.lowerBound) to \(range.upperBound) bytes"
        return text(SizeText.expected + bounds) { SizeText.bytes($0).flatMap { range.contains($0) ? $0 : nil } }
    }
}

extension Reading where Value == Duration {
    /// A duration of at least `minimum`.
    static func duration(atLeast minimum: Duration = .zero) -> Reading {
        let bound = minimum > .zero ? ", at least \(DurationText.text(minimum))" : ""
        return text(DurationText.expected + bound) { DurationText.duration($0).flatMap { $0 >= minimum ? $0 : nil } }
    }
}

extension Reading where Value == Address {
    /// A host and a port.
    static var address: Reading { text(Address.expected) { Address($0) } }
}

extension Reading where Value == Secret {
    /// A text that is never shown, or `{ file: PATH }` with the file that holds it.
    static var secret: Reading {
        let expected = "a secret such as \"${NAME}\" or { file: PATH }"
        return Reading(expected) { node, label, context in
            guard case .map = node.content else {
                if case .scalar(let raw, _) = node.content, !raw.contains("${") { context.hide(raw) }
                guard let text = context.text(node, label, expected: expected) else { return nil }
                guard !text.isEmpty else {
                    context.report(node.position, "\(label) is empty; expected \(expected)")
                    return nil
                }
                return Secret(text)
            }
            let file = Reading<String>.section(expected) { $0.require("file", .path) }
            guard let path = file.read(node, label, context) else { return nil }
            switch Secret.contents(of: path) {
            case .success(let secret): return secret
            case .failure(let reason):
                context.report(node.position, "\(label): \(reason.message); expected a file that holds the secret")
                return nil
            }
        }
    }
}

extension Reading where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
    /// One of a few words.
    static var choice: Reading {
        let words = Value.allCases.map(\.rawValue)
        return Reading("one of: \(words.joined(separator: ", "))") { node, label, context in
            let expected = "one of: \(words.joined(separator: ", "))"
            guard let text = context.text(node, label, expected: expected) else { return nil }
            if let value = Value(rawValue: text) { return value }
            let hint =
                NearestName.of(text, among: words).map { "; did you mean \"\($0)\"?" } ?? "; expected \(expected)"
            context.report(node.position, "\(label): \(node.shown) is wrong\(hint)")
            return nil
        }
    }
}
