import CloudEvents
import Foundation
import Logging
import Nightjar

/// Writes log lines to standard error: for people, or as JSON with one object in each line.
struct ConsoleLogHandler: LogHandler {
    var logLevel: Logger.Level
    var metadata: Logger.Metadata = [:]
    var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let format: LogSettings.Format
    private let style: TerminalStyle
    private let write: @Sendable (String) -> Void

    /// A handler that writes as `settings` say.
    init(
        label: String, settings: LogSettings, style: TerminalStyle = .standardError,
        write: @escaping @Sendable (String) -> Void = { StandardOutput.writeError($0) }
    ) {
        self.label = label
        logLevel = Logger.Level(rawValue: settings.level.rawValue) ?? .info
        format = settings.format
        self.style = style
        self.write = write
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() { all.merge(provided) { $1 } }
        if let own = event.metadata { all.merge(own) { $1 } }
        if let error = event.error { all["error"] = "\(error)" }
        let time = SystemTimeSource().now.rfc3339
        write(format == .json ? json(event, all, time) : text(event, all, time))
    }

    private func text(_ event: LogEvent, _ metadata: Logger.Metadata, _ time: String) -> String {
        let level = event.level.rawValue.uppercased().padding(to: 8)
        let painted =
            switch event.level {
            case .trace, .debug: style.dim(level)
            case .info, .notice: style.green(level)
            case .warning: style.yellow(level)
            case .error, .critical: style.red(level)
            }
        // On a terminal the day is known.
        let shown = style.isTerminal ? String(time.dropFirst(11).prefix(8)) : time
        let pairs = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\(Self.quoted("\($0.value)"))" }.joined()
        return "\(style.dim(shown)) \(painted) \(Printable.line("\(event.message)"))\(style.dim(pairs))\n"
    }

    private func json(_ event: LogEvent, _ metadata: Logger.Metadata, _ time: String) -> String {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("time", time)
        writer.member("level", event.level.rawValue)
        writer.member("logger", label)
        writer.member("message", "\(event.message)")
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            // A key must not hide one of the line's own.
            writer.key(["time", "level", "logger", "message"].contains(key) ? "\(key)_" : key)
            Self.write(value, to: &writer)
        }
        writer.endObject()
        return String(decoding: writer.bytes, as: UTF8.self) + "\n"
    }

    private static func write(_ value: Logger.Metadata.Value, to writer: inout JSONWriter) {
        switch value {
        case .string(let text): writer.string(text)
        case .stringConvertible(let text): writer.string("\(text)")
        case .array(let values):
            writer.beginArray()
            for value in values { write(value, to: &writer) }
            writer.endArray()
        case .dictionary(let values):
            writer.beginObject()
            for (key, value) in values.sorted(by: { $0.key < $1.key }) {
                writer.key(key)
                write(value, to: &writer)
            }
            writer.endObject()
        @unknown default: writer.string("\(value)")
        }
    }

    private static func quoted(_ text: String) -> String {
        let line = Printable.line(text)
        return line.isEmpty || line.contains(where: { $0 == " " || $0 == "\"" || $0 == "=" })
            ? "\"\(line.replacing("\"", with: "\\\""))\"" : line
    }
}
