import ArgumentParser
import Foundation

/// `nightjar demo`: the order example, with a page to click on.
struct DemoCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Run the order example: a page, an inbox, and jobs in the background.",
        discussion: """
            A visitor places an order and is answered at once. Charging the card, sending the receipt and updating the search \
            index run in the background; the card fails twice before it succeeds. Files saved into the inbox are imported. \
            Everything is kept in a new folder, which is removed at the end.
            """)

    @Flag(help: "Place an order and save a file by itself; exit 0 when every run that must follow has completed.")
    var once = false

    @Option(help: "The port of the page; 0 for any that is free.")
    var port: Int?

    @Option(help: "With --once: after how many seconds it has failed.")
    var timeout = 60

    func run() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("nightjar-demo-\(UUID().uuidString)")
        let inbox = folder.appendingPathComponent("inbox")
        try FileManager.default.createDirectory(at: inbox, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let demo = try Demo(folder: folder, inbox: inbox, port: port ?? (once ? 0 : 8080))
        if once {
            guard try await demo.runOnce(within: .seconds(timeout)) else { throw ExitCode.failure }
        } else {
            try await demo.run()
        }
    }
}
