/// Finds keys that are lists, mappings or aliases, before the YAML library sees them.
///
/// The library hashes keys with all that their aliases stand for, and a handful of aliases can stand for billions of parts.
/// No configuration has use for such keys. Documents without aliases are harmless and are not looked at.
enum AliasKeys {
    /// The place of the first such key.
    static func firstSuspicious(in lines: [String]) -> Position? {
        let isAlias = /(^|[\s\[{,])\*[A-Za-z0-9_\-]/
        guard lines.contains(where: { $0.contains(isAlias) }) else { return nil }
        let patterns = [
            // An alias, a list or a mapping before a colon; a colon at the start of a line; an explicit key.
            /(^|[\s\[{,])\*[^\s,\[\]{}]+\s*:(\s|$)/, /()[\]}]\s*:(\s|$)/, /()^\s*:(\s|$)/, /(^|[\[{,\-])\s*\?(\s|$)/,
        ]
        for (index, line) in lines.enumerated() where !line.drop(while: \.isWhitespace).hasPrefix("#") {
            for pattern in patterns {
                guard let match = line.firstMatch(of: pattern) else { continue }
                let column = line.unicodeScalars.distance(from: line.startIndex, to: match.range.lowerBound) + 1
                return Position(line: index + 1, column: column)
            }
        }
        return nil
    }
}
