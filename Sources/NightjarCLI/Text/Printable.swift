/// Makes text from outside fit for a terminal.
enum Printable {
    /// The text in one line, with control characters made visible: an event may hold escape sequences.
    static func line(_ text: some StringProtocol) -> String {
        var line = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { line.append(isControl(scalar) ? replacement(scalar) : scalar) }
        return String(line)
    }

    /// The text with its line breaks and tabs, and other control characters made visible.
    static func block(_ text: some StringProtocol) -> String {
        var block = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            block.append(isControl(scalar) && scalar != "\n" && scalar != "\t" ? replacement(scalar) : scalar)
        }
        return String(block)
    }

    /// How many columns of a terminal the text takes.
    static func width(_ text: String) -> Int {
        text.reduce(0) { width, character in
            guard let scalar = character.unicodeScalars.first else { return width }
            return width + (isWide(scalar.value) ? 2 : 1)
        }
    }

    /// As much of the text as fits into so many columns; an ellipsis stands for the rest.
    static func shortened(_ text: String, to columns: Int) -> String {
        guard width(text) > columns else { return text }
        var short = ""
        var used = 0
        for character in text {
            used += width(String(character))
            if used > columns - 1 { break }
            short.append(character)
        }
        return short + "…"
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        // Format characters may reverse the direction of what follows.
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate: scalar != "\u{200D}"
        default: false
        }
    }

    private static func replacement(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        scalar.value < 0x20 ? Unicode.Scalar(0x2400 + scalar.value) ?? "\u{FFFD}" : "\u{FFFD}"
    }

    private static func isWide(_ value: UInt32) -> Bool {
        switch value {
        case 0x1100...0x115F, 0x2E80...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60,
            0x1F300...0x1FAFF, 0x20000...0x3FFFD:
            true
        default: false
        }
    }
}
