import Foundation

/// The text of a configuration file.
struct ConfigurationText: Sendable {
    /// The file, as the user named it.
    let file: String
    /// Its text, without a byte order mark.
    let text: String
    /// Its lines.
    let lines: [String]

    /// The largest file that is read.
    static let maximumBytes = 1 << 20

    /// Reads a file.
    /// - Throws: ``ConfigurationError`` if it cannot be read, is too large, or is not UTF-8.
    init(contentsOf file: String) throws(ConfigurationError) {
        let data: Data
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: file))
            defer { try? handle.close() }
            data = try handle.read(upToCount: Self.maximumBytes + 1) ?? Data()
        } catch {
            let reason = Self.reason(of: error)
            throw ConfigurationError(
                file: file,
                diagnostics: [Diagnostic(.start, "the file cannot be read: \(reason); expected a YAML file")])
        }
        try self.init(file: file, bytes: Array(data))
    }

    /// The text that these bytes are.
    /// - Throws: ``ConfigurationError`` if there are too many, or they are not UTF-8.
    init(file: String, bytes: [UInt8]) throws(ConfigurationError) {
        func mistake(_ position: Position, _ message: String) -> ConfigurationError {
            ConfigurationError(file: file, diagnostics: [Diagnostic(position, message)])
        }
        guard bytes.count <= Self.maximumBytes else {
            throw mistake(.start, "the file is larger than 1 MiB; expected a configuration file")
        }
        if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
            throw mistake(.start, "the file is encoded in UTF-16; expected UTF-8")
        }
        let body = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...]
        guard let text = String(validating: body, as: UTF8.self) else {
            throw mistake(Self.firstInvalid(in: body), "this byte is not part of UTF-8 text; expected UTF-8")
        }
        self.file = file
        self.text = text
        lines = Self.lines(of: text)
    }

    /// The lines as YAML 1.1 (section 5.4) breaks them.
    static func lines(of text: String) -> [String] {
        var lines: [String] = []
        var line = String.UnicodeScalarView()
        var lastWasReturn = false
        for scalar in text.unicodeScalars {
            defer { lastWasReturn = scalar == "\r" }
            switch scalar {
            case "\n" where lastWasReturn: continue
            case "\n", "\r", "\u{85}", "\u{2028}", "\u{2029}":
                lines.append(String(line))
                line = String.UnicodeScalarView()
            default: line.append(scalar)
            }
        }
        return lines + [String(line)]
    }

    private static func firstInvalid(in bytes: ArraySlice<UInt8>) -> Position {
        var position = Position.start
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        while case .scalarValue(let scalar) = decoder.decode(&iterator) {
            if scalar == "\n" {
                position = Position(line: position.line + 1, column: 1)
            } else {
                position.column += 1
            }
        }
        return position
    }

    private static func reason(of error: any Error) -> String {
        let error = error as NSError
        switch CocoaError.Code(rawValue: error.code) {
        case .fileNoSuchFile, .fileReadNoSuchFile: return "there is no such file"
        case .fileReadNoPermission: return "reading it is not permitted"
        default:
            let underlying = error.userInfo[NSUnderlyingErrorKey] as? NSError
            return underlying?.localizedDescription ?? error.localizedDescription
        }
    }
}
