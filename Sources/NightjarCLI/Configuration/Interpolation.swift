import Foundation

/// Replaces `${NAME}` and `${NAME:-default}` by what the environment holds; `$${` stands for `${` itself. `${{`
/// is left for templates.
enum Interpolation {
    /// Something that cannot be replaced.
    struct Mistake: Hashable {
        /// Where in the text it begins, in Unicode scalars.
        var offset: Int
        /// What is wrong and what was expected.
        var message: String
    }

    /// The text with everything replaced, and what could not be.
    /// - Parameters:
    ///   - text: the text.
    ///   - environment: the value of a variable, `nil` if it is not set.
    static func replaced(in text: String, environment: (String) -> String?) -> (text: String, mistakes: [Mistake]) {
        guard text.contains("${") else { return (text, []) }
        let scalars = Array(text.unicodeScalars)
        var result = String.UnicodeScalarView()
        var mistakes: [Mistake] = []
        var at = 0
        while at < scalars.count {
            if scalars[at...].starts(with: ["$", "$", "{", "{"]) {
                result.append(contentsOf: ["$", "$", "{", "{"])
                at += 4
                continue
            }
            if scalars[at...].starts(with: ["$", "$", "{"]) {
                result.append(contentsOf: ["$", "{"])
                at += 3
                continue
            }
            // `${{` begins a hole of a template: that is for whoever fills it.
            guard scalars[at...].starts(with: ["$", "{"]), !scalars[at...].starts(with: ["$", "{", "{"]) else {
                result.append(scalars[at])
                at += 1
                continue
            }
            guard let end = scalars[at...].firstIndex(of: "}") else {
                mistakes.append(
                    Mistake(
                        offset: at,
                        message: "\"${\" is not closed; expected ${NAME}, or $${ for the characters themselves"))
                break
            }
            var inside = String.UnicodeScalarView()
            inside.append(contentsOf: scalars[(at + 2)..<end])
            switch value(of: String(inside), environment: environment) {
            case .success(let value): result.append(contentsOf: value.unicodeScalars)
            case .failure(let failure): mistakes.append(Mistake(offset: at, message: failure.message))
            }
            at = end + 1
        }
        return (String(result), mistakes)
    }

    private struct Failure: Error {
        var message: String
    }

    private static func value(of inside: String, environment: (String) -> String?) -> Result<String, Failure> {
        let divider = inside.range(of: ":-")
        let name = divider.map { String(inside[..<$0.lowerBound]) } ?? inside
        guard isVariableName(name) else {
            return .failure(
                Failure(
                    message:
                        "\"${\(inside)}\" names no variable; expected ${NAME} or ${NAME:-default}, or $${ for the characters themselves"
                ))
        }
        // As in a shell, `:-` also stands in for a variable that is set but empty.
        if let value = environment(name), !(value.isEmpty && divider != nil) { return .success(value) }
        if let divider { return .success(String(inside[divider.upperBound...])) }
        return .failure(
            Failure(
                message:
                    "the environment variable \(name) is not set; expected it to be, or a default as in ${\(name):-default}"
            ))
    }

    private static func isVariableName(_ name: String) -> Bool {
        guard let first = name.unicodeScalars.first, first == "_" || isLetter(first) else { return false }
        return name.unicodeScalars.allSatisfy { $0 == "_" || isLetter($0) || ("0"..."9").contains($0) }
    }

    private static func isLetter(_ scalar: Unicode.Scalar) -> Bool {
        ("A"..."Z").contains(scalar) || ("a"..."z").contains(scalar)
    }
}
