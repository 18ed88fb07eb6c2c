import ArgumentParser
import Foundation
import Logging
import Metrics
import NightjarHTTP

/// `nightjar run`: a node.
struct RunNodeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "run", abstract: "Run a node: listen to the triggers and do the jobs.",
        discussion: """
            SIGHUP makes it read its file again; a file with mistakes leaves the old one in force. SIGTERM and SIGINT make \
            it stop: it takes nothing new, lets what runs go on until the drain time is over, and gives the rest back. A \
            second one ends it at once.
            """)

    @OptionGroup var option: ConfigurationOption

    func run() async throws {
        guard let file = WorkspaceOptions.configurationFile(named: option.config) else {
            throw CommandFailure(
                "there is no configuration; expected nightjar.yaml in this folder, --config FILE or $NIGHTJAR_CONFIG (\"nightjar init\" writes a file to begin with)"
            )
        }
        let configuration = try ConfigurationFile.load(file)
        let log = configuration.log
        LoggingSystem.bootstrap { label in ConsoleLogHandler(label: label, settings: log) }
        // A program that ends without reading its input must not end the node. What it starts gets the usual disposition.
        signal(SIGPIPE, SIG_IGN)
        let metrics = MetricsRegistry()
        MetricsSystem.bootstrap(metrics)
        let node = try Node(
            file: file, configuration: configuration, metrics: metrics, logger: Logger(label: "nightjar"))
        node.greet()
        try await node.run()
    }
}
