/// The shared files of AWS tools: `~/.aws/config` and `~/.aws/credentials` ("Shared config and credentials files", AWS SDKs
/// and Tools Reference Guide).
struct AWSProfiles: Sendable, Hashable {
    /// The settings of a profile; those below a setting are named `setting.name`.
    typealias Settings = [String: String]

    private(set) var profiles: [String: Settings] = [:]
    /// The sections `[services NAME]`.
    private(set) var services: [String: Settings] = [:]

    /// - Parameters:
    ///   - config: the text of the file `config`, whose sections are `[default]` and `[profile NAME]`.
    ///   - credentials: the text of the file `credentials`, whose sections are `[NAME]`. It outweighs the other.
    init(config: String, credentials: String) {
        for (section, settings) in Self.sections(config) {
            let words = section.split(whereSeparator: \.isWhitespace).map(String.init)
            if words == ["default"] {
                merge("default", settings)
            } else if words.count == 2, words[0] == "profile" {
                merge(words[1], settings)
            } else if words.count == 2, words[0] == "services" {
                services[words[1], default: [:]].merge(settings) { $1 }
            }
        }
        for (section, settings) in Self.sections(credentials) { merge(section, settings) }
    }

    private mutating func merge(_ profile: String, _ settings: Settings) {
        profiles[profile, default: [:]].merge(settings) { $1 }
    }

    private static func sections(_ text: String) -> [(String, Settings)] {
        var sections: [(name: String, settings: Settings)] = []
        var parent: String?
        for line in text.split(whereSeparator: \.isNewline) {
            let isIndented = line.first?.isWhitespace ?? false
            let content = withoutComment(line)
            guard !content.isEmpty else { continue }
            if !isIndented, content.hasPrefix("["), let end = content.firstIndex(of: "]") {
                sections.append((trimmed(content[content.index(after: content.startIndex)..<end]), [:]))
                parent = nil
            } else if let equals = content.firstIndex(of: "="), !sections.isEmpty {
                let name = trimmed(content[..<equals]).lowercased()
                let value = trimmed(content[content.index(after: equals)...])
                let isBelow = isIndented && parent != nil
                if !isBelow { parent = value.isEmpty ? name : nil }
                let key = isBelow ? "\(parent ?? "").\(name)" : name
                sections[sections.count - 1].settings[key] = value
            }
        }
        return sections.map { ($0.name, $0.settings) }
    }

    /// A comment begins with the line, or after white space.
    private static func withoutComment(_ line: Substring) -> String {
        var isAfterSpace = true
        for index in line.indices {
            if isAfterSpace, line[index] == "#" || line[index] == ";" { return trimmed(line[..<index]) }
            isAfterSpace = line[index].isWhitespace
        }
        return trimmed(line)
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        var text = Substring(text)
        while text.first?.isWhitespace ?? false { text.removeFirst() }
        while text.last?.isWhitespace ?? false { text.removeLast() }
        return String(text)
    }
}
