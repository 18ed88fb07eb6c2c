import Foundation
import Logging
import Nightjar
import NightjarActions
import NightjarCore
import NightjarHTTP
import NightjarSQLite
import ServiceLifecycle
import Synchronization
import UnixSignals

/// A node as `nightjar run` makes it: the runtime, the HTTP server, and the signals that stop and reload them.
final class Node: Sendable {
    private let file: String
    private let configuration: Mutex<Configuration>
    private let store: SQLiteStore
    private let runtime: Runtime
    private let server: HTTPServer?
    private let logger: Logger
    private let listening = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    /// A node that does what `configuration` says.
    /// - Parameter metrics: where the process counts.
    /// - Throws: if the store cannot be opened.
    init(file: String, configuration: Configuration, metrics: MetricsRegistry, logger: Logger) throws {
        let assembly = Assembly(configuration: configuration, metrics: metrics)
        self.file = file
        self.configuration = Mutex(configuration)
        self.logger = logger
        store = try assembly.store()
        runtime = try Runtime(
            store: store, jobs: assembly.jobs(), triggers: try assembly.triggers(),
            configuration: assembly.runtimeConfiguration(), logger: logger)
        let scheme = configuration.http?.tls == nil ? "http" : "https"
        server = try assembly.serverConfiguration().map { [runtime, listening] server in
            try HTTPServer(
                node: runtime, configuration: server, endpoints: assembly.endpoints(), logger: Self.quiet(logger),
                onListening: { host, port in
                    logger.info("listening on \(scheme)://\(Address(host: host, port: port))")
                    listening.continuation.yield()
                })
        }
        if server == nil { listening.continuation.yield() }
    }

    /// Says what the node is about to do: on a terminal in a few lines, in any case in the log.
    func greet() {
        let configuration = configuration.withLock { $0 }
        let style = TerminalStyle.standardError
        if style.isTerminal { StandardOutput.writeError(Banner.text(configuration, node: runtime.id, style: style)) }
        logger.info(
            "nightjar \(NightjarCommand.version) starts",
            metadata: [
                "configuration": "\(file)", "store": "\(configuration.store)", "jobs": "\(configuration.jobs.count)",
                "triggers": "\(configuration.triggers.count)", "node": "\(runtime.id)",
            ])
        warnOfOpenEndpoints(configuration)
        if configuration.jobs.isEmpty { logger.warning("the configuration has no jobs: there is nothing to do") }
    }

    private func warnOfOpenEndpoints(_ configuration: Configuration) {
        for trigger in configuration.openEndpoints {
            logger.warning("the endpoint of the trigger \(trigger) has no auth: whoever reaches the server may use it")
        }
    }

    /// Works until a signal says to stop.
    func run() async throws {
        // Runs are claimed only once the server listens: a port in use must not cost anybody an attempt. The server stops
        // first, so that no request finds a node that is gone; the node hears of the signal at the same time, and drains
        // while the server winds down.
        let services: [any Service] =
            [Listening(stream: listening.stream, runtime: runtime)] + (server.map { [$0] } ?? [])
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map { .init(service: $0) }, logger: Self.quiet(logger)))
        // Trapped before anything runs: a signal must not find the process between start and readiness.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            tasks.addTask { await self.heed(signals, group) }
            defer { tasks.cancelAll() }
            try await tasks.next()
        }
        try store.close()
        logger.info("stopped")
    }

    /// For those whose everyday news the node tells itself: they log warnings, and everything when that is asked for.
    private static func quiet(_ logger: Logger) -> Logger {
        var logger = logger
        if logger.logLevel == .info { logger.logLevel = .warning }
        return logger
    }

    private func heed(_ signals: UnixSignalsSequence, _ group: ServiceGroup) async {
        var isStopping = false
        for await signal in signals {
            if signal == .sighup {
                if !isStopping { reload() }
                continue
            }
            if isStopping {
                logger.warning(
                    "\(signal) again: ends at once; what runs will be done by another node or the next start")
                CommandAction.killRunningPrograms()
                // Nothing is tidied up: that would give the killed attempts time to count as failed.
                _exit(128 + (signal == .sigint ? SIGINT : SIGTERM))
            }
            isStopping = true
            logger.info("\(signal): stops; what runs may go on until the drain time is over")
            runtime.stop()
            await group.triggerGracefulShutdown()
        }
    }

    /// Reads the file again and does as it says, unless there are mistakes in it.
    func reload() {
        do {
            let new = try ConfigurationFile.load(file)
            let assembly = Assembly(configuration: new)
            let jobs = try assembly.jobs()
            try runtime.reload(jobs: jobs, triggers: try assembly.triggers())
            server?.update(endpoints: assembly.endpoints())
            let old = configuration.withLock { current in
                defer { current = new }
                return current
            }
            for setting in Self.needRestart(from: old, to: new) {
                logger.warning("\(setting) has changed in \(file); that takes effect at the next start")
            }
            warnOfOpenEndpoints(new)
            logger.info(
                "reloaded \(file)", metadata: ["jobs": "\(new.jobs.count)", "triggers": "\(new.triggers.count)"])
        } catch let error as ConfigurationError {
            for diagnostic in error.diagnostics {
                logger.error("\(error.file):\(diagnostic.position): \(diagnostic.message)")
            }
            logger.error("\(file) has mistakes: the configuration that was loaded before stays in force")
        } catch {
            logger.error("\(file) cannot be used: \(error); the configuration that was loaded before stays in force")
        }
    }

    /// The settings that differ and that only a start can change.
    static func needRestart(from old: Configuration, to new: Configuration) -> [String] {
        var settings: [String] = []
        if old.store != new.store { settings.append("store") }
        if old.http?.listen != new.http?.listen { settings.append("http.listen") }
        if old.http?.tokens != new.http?.tokens { settings.append("http.tokens") }
        if old.http?.origins != new.http?.origins { settings.append("http.origins") }
        if old.http?.limits != new.http?.limits { settings.append("http.limits") }
        if old.http?.tls != new.http?.tls { settings.append("http.tls") }
        if old.node != new.node { settings.append("node") }
        if old.retention != new.retention { settings.append("retention") }
        if old.drain != new.drain { settings.append("shutdown.drain") }
        if old.log != new.log { settings.append("log") }
        return settings
    }
}

/// The runtime, from the moment the server listens until the server has stopped.
private struct Listening: Service {
    let stream: AsyncStream<Void>
    let runtime: Runtime

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in stream { return }
        }
        try await runtime.run()
        // It hears of a signal itself, and may be done while the server still winds down. A cancellation ends this wait, too.
        try? await gracefulShutdown()
    }
}
