import ArgumentParser
import Foundation
import Logging
import Nightjar
import NightjarCore
import NightjarSQLite

/// The option by which a command finds the configuration.
struct ConfigurationOption: ParsableArguments {
    @Option(
        name: [.customShort("c"), .customLong("config")],
        help: ArgumentHelp("The configuration file (else $NIGHTJAR_CONFIG, else nightjar.yaml).", valueName: "file"),
        completion: .file(extensions: ["yaml", "yml"]))
    var config: String?
}

/// The options by which a command finds the store and the configuration.
struct WorkspaceOptions: ParsableArguments {
    @OptionGroup var option: ConfigurationOption

    @Option(
        help: ArgumentHelp("The SQLite file, instead of the configuration's.", valueName: "path"),
        completion: .file())
    var store: String?

    /// The configuration file to read: the one named, else `NIGHTJAR_CONFIG`, else `nightjar.yaml` if it is here.
    static func configurationFile(
        named name: String?, environment: [String: String] = ProcessInfo.processInfo.environment
    ) -> String? {
        if let name { return name }
        if let file = environment["NIGHTJAR_CONFIG"], !file.isEmpty { return file }
        return FileManager.default.fileExists(atPath: "nightjar.yaml") ? "nightjar.yaml" : nil
    }

    /// What the command works on.
    /// - Parameter hasRules: whether the command needs the triggers' expressions.
    func workspace(hasRules: Bool = false) throws -> Workspace {
        let outline = try Self.configurationFile(named: option.config).map {
            try ConfigurationOutline.load($0, hasRules: hasRules)
        }
        if let store {
            let path = store.hasPrefix("sqlite:") ? String(store.dropFirst("sqlite:".count)) : store
            return Workspace(outline: outline, store: URL(fileURLWithPath: path).standardizedFileURL.path)
        }
        guard let outline else {
            throw CommandFailure(
                "there is no configuration; expected nightjar.yaml in this folder, --config FILE, $NIGHTJAR_CONFIG or --store PATH (\"nightjar init\" writes a file to begin with)"
            )
        }
        let path =
            switch outline.store {
            case .sqlite(let path): path
            }
        return Workspace(outline: outline, store: path)
    }
}

/// What a command beside a running node works on: the store's file, and what the configuration says of jobs and triggers.
struct Workspace {
    /// What the configuration says; `nil` if there is none.
    var outline: ConfigurationOutline?
    /// The path of the SQLite file.
    var store: String

    /// Opens the store, which must exist, for `body`, and closes it.
    func withStore<Answer>(_ body: (any RunStore) async throws -> Answer) async throws -> Answer {
        guard FileManager.default.fileExists(atPath: store) else {
            throw CommandFailure("there is no store at \(store) yet; \"nightjar run\" or \"nightjar publish\" makes it")
        }
        return try await with(SQLiteStore(path: store), body)
    }

    /// Opens the store for `body`, making it if need be, and closes it.
    func withNewStore<Answer>(_ body: (any RunStore) async throws -> Answer) async throws -> Answer {
        try await with(SQLiteStore(path: store), body)
    }

    private func with<Answer>(
        _ store: SQLiteStore, _ body: (any RunStore) async throws -> Answer
    ) async throws -> Answer {
        let answer: Answer
        do {
            answer = try await body(store)
        } catch {
            // What went wrong first is what the user must hear of.
            try? store.close()
            throw error
        }
        try store.close()
        return answer
    }

    /// The door by which events enter the store.
    func intake(into store: any RunStore) throws -> any Intake {
        _ = try configured()
        return try runtime(on: store).intake
    }

    /// A node that decides as the configuration says and does nothing: without one, it knows no jobs and triggers.
    func runtime(on store: any RunStore) throws -> Runtime {
        // This process makes runs and does none of them: the running node will.
        let elsewhere = ClosureHandler { _ in throw RunFailure("this process runs no jobs") }
        let jobs = (outline?.jobs ?? []).map { Job($0.name, policy: $0.policy, kind: $0.kind, handler: elsewhere) }
        let triggers = (outline?.triggers ?? []).map { trigger in
            Trigger(
                trigger.name, kind: trigger.kind, origin: trigger.filter.map { .bus($0) } ?? .external,
                start: trigger.jobs, delay: trigger.delay, rules: trigger.rules, summary: trigger.summary)
        }
        var configuration = RuntimeConfiguration()
        if let outline { configuration.maximumEventBytes = outline.maximumEventBytes }
        return try Runtime(
            store: store, jobs: jobs, triggers: triggers, configuration: configuration,
            logger: Logger(label: "nightjar", factory: { _ in SwiftLogNoOpLogHandler() }))
    }
}

/// Why a command failed, for people.
struct CommandFailure: Error, CustomStringConvertible {
    /// The reason.
    var description: String

    /// A failure for this reason.
    init(_ description: String) {
        self.description = description
    }
}
