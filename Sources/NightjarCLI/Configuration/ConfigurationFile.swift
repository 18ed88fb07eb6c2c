import Foundation

/// Reads a configuration file.
enum ConfigurationFile {
    /// Reads a file. Every mistake in it is told at once.
    /// - Throws: ``ConfigurationError`` with all of them.
    static func load(
        _ file: String, environment: @escaping (String) -> String? = { ProcessInfo.processInfo.environment[$0] }
    ) throws(ConfigurationError) -> Configuration {
        try parse(ConfigurationText(contentsOf: file), environment: environment)
    }

    /// Reads the text of a file. Relative paths in it begin at the folder of the file it is said to be from.
    /// - Throws: ``ConfigurationError`` with every mistake in it.
    static func parse(
        _ text: ConfigurationText, environment: @escaping (String) -> String?
    ) throws(ConfigurationError) -> Configuration {
        try read(text, .configuration(file: text.file), environment: environment)
    }

    /// Reads the text of a file as a whole, in the way given.
    /// - Throws: ``ConfigurationError`` with every mistake in it.
    static func read<Value>(
        _ text: ConfigurationText, _ reading: Reading<Value>, environment: @escaping (String) -> String?
    ) throws(ConfigurationError) -> Value {
        let (root, diagnostics) = DocumentReader.read(text)
        let folder = URL(fileURLWithPath: text.file).standardizedFileURL.deletingLastPathComponent()
        let context = ReadingContext(folder: folder, environment: environment, diagnostics: diagnostics)
        let value = root.flatMap { reading.read($0, "the file", context) }
        guard context.diagnostics.isEmpty, let value else {
            throw ConfigurationError(
                file: text.file, diagnostics: context.diagnostics, lines: text.lines, hiding: context.secrets)
        }
        return value
    }
}

extension Reading where Value == Configuration {
    /// The whole file.
    static func configuration(file: String) -> Reading {
        section("a mapping with \"jobs\" and \"triggers\"") { section in
            let store = section.read("store", .store)
            let http = section.read("http", .serverOrOff, default: .some(HTTPServerSettings()))
            let node = section.read("node", .node, default: NodeSettings())
            let retention = section.read("retention", .retention, default: RetentionSettings())
            let drain = section.read("shutdown", .drain, default: .seconds(30))
            let log = section.read("log", .log, default: LogSettings())
            let jobs = section.read("jobs", .jobs, default: [])
            let jobNames = section.entries.first { $0.key == "jobs" }.map { NamedEntries.names(in: $0.value) } ?? []
            let policies = Dictionary(jobs.map { ($0.name, $0.policy) }) { first, _ in first }
            let triggers = section.read(
                "triggers", .triggers(jobs: jobNames, policies: policies, isServing: http != nil), default: [])
            section.refuse(LaterVersions.sections)
            return Configuration(
                file: file, store: store ?? .sqlite(path: section.context.absolutePath("nightjar.db")), http: http,
                node: node, retention: retention, drain: drain, log: log, jobs: jobs, triggers: triggers)
        }
    }
}

extension Reading where Value == StoreLocation {
    /// The store: `sqlite:PATH`.
    static var store: Reading {
        let expected = "sqlite: and a path, such as sqlite:nightjar.db"
        return Reading(expected) { node, label, context in
            guard let text = context.text(node, label, expected: expected) else { return nil }
            if text.hasPrefix("postgres://") || text.hasPrefix("postgresql://") {
                context.report(
                    node.position,
                    "\(label): PostgreSQL stores are not in this version of Nightjar; expected \(expected)")
                return nil
            }
            guard text.hasPrefix("sqlite:"), case let path = text.dropFirst("sqlite:".count), !path.isEmpty,
                !path.contains("\0")
            else {
                context.report(node.position, "\(label): \(node.shown) is wrong; expected \(expected)")
                return nil
            }
            return .sqlite(path: context.absolutePath(String(path)))
        }
    }
}

extension Reading where Value == NodeSettings {
    static var node: Reading {
        section("a mapping such as { concurrency: 64 }") { section in
            var settings = NodeSettings()
            settings.name = section.read("name", .name)
            settings.concurrency = section.read("concurrency", .integer(1...10_000), default: settings.concurrency)
            settings.lease = section.read("lease", .duration(atLeast: .seconds(1)), default: settings.lease)
            settings.grace = section.read("grace", .duration(), default: settings.grace)
            settings.maximumEventBytes = section.read(
                "maximumEvent", .size(1...(256 << 20)), default: settings.maximumEventBytes)
            settings.maximumEventsInFlight = section.read(
                "maximumEventsInFlight", .integer(1...1_000_000), default: settings.maximumEventsInFlight)
            return settings
        }
    }
}

extension Reading where Value == RetentionSettings {
    static var retention: Reading {
        section("a mapping such as { runs: 7d, events: 7d }") { section in
            var settings = RetentionSettings()
            settings.runs = section.read("runs", .duration(), default: settings.runs)
            settings.events = section.read("events", .duration(), default: settings.events)
            settings.unmatchedEvents = section.read(
                "unmatched", .integer(0...100_000_000), default: settings.unmatchedEvents)
            return settings
        }
    }
}

extension Reading where Value == LogSettings {
    static var log: Reading {
        section("a mapping such as { level: info, format: text }") { section in
            var settings = LogSettings()
            settings.level = section.read("level", .choice, default: settings.level)
            settings.format = section.read("format", .choice, default: settings.format)
            return settings
        }
    }
}

extension Reading where Value == Duration {
    /// The section `shutdown`.
    static var drain: Reading {
        section("a mapping such as { drain: 30s }") { $0.read("drain", .duration(), default: .seconds(30)) }
    }
}
