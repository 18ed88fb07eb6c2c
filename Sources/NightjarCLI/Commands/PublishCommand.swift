import ArgumentParser
import CloudEvents
import Foundation
import Nightjar
import NightjarCore
import NightjarHTTP

/// `nightjar publish`: puts an event on the event bus.
struct PublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish", abstract: "Publish an event: every event trigger that wants it starts its jobs.",
        discussion: """
            The event is durable when the command exits with 0; a running node takes it up at once, or else the next one.
            An event whose source and id are known is a duplicate and starts nothing twice.
            """)

    @OptionGroup var workspace: WorkspaceOptions

    @Option(help: "What kind of thing happened: order.placed.")
    var type: String?

    @Option(help: "Where it happened: a URI reference.")
    var source = "/nightjar/publish"

    @Option(help: "What it happened to.")
    var subject: String?

    @Option(help: "The event's id, unique within its source (else a new one).")
    var id: String?

    @OptionGroup var input: EventInput

    @Option(
        name: .customLong("extension"),
        help: ArgumentHelp("An extension attribute; may be given several times.", valueName: "name=value"))
    var extensions: [String] = []

    @Option(
        help: ArgumentHelp(
            "A CloudEvent or an array of them in JSON, instead of all that; - for standard input.", valueName: "path"),
        completion: .file())
    var file: String?

    @Flag(help: "Answer in JSON.")
    var json = false

    func validate() throws {
        if file == nil, type == nil {
            throw ValidationError("Missing expected option --type, or --file with whole events.")
        }
        if file != nil,
            type != nil || subject != nil || id != nil || !extensions.isEmpty || input.data != nil
                || input.dataFile != nil || input.contentType != nil
        {
            throw ValidationError("--file holds whole events; expected no other option for the event beside it.")
        }
        for attribute in extensions where !attribute.contains("=") {
            throw ValidationError("The extension '\(attribute)' has no value; expected name=value.")
        }
    }

    func run() async throws {
        let workspace = try workspace.workspace(hasRules: true)
        let limit = workspace.outline?.maximumEventBytes ?? 1 << 20
        let events = try file.map { try Self.events(in: $0, limit) } ?? [event(limit)]
        try await workspace.withNewStore { store in
            let answers = try await workspace.intake(into: store).accept(events.map { IncomingEvent($0) })
            if json { return try StandardOutput.write(json: JSONShapes.text { $0.acceptances(answers) }) }
            try await print(answers, events, store)
        }
    }

    private func event(_ limit: Int) throws -> Event {
        let (data, contentType) = try input.read(atMost: limit)
        var attributes: [String: AttributeValue] = [:]
        for attribute in extensions {
            let parts = attribute.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            attributes[String(parts[0])] = .string(String(parts[1]))
        }
        return Event(
            id: id ?? UUID().uuidString.lowercased(), source: source, type: type ?? "", subject: subject,
            time: SystemTimeSource().now, dataContentType: contentType, extensions: attributes, data: data)
    }

    private static func events(in path: String, _ limit: Int) throws -> [Event] {
        // Room for a batch of events, each within the limit, and for base64.
        let bytes = try EventInput.contents(of: path, atMost: max(64 << 20, limit * 2))
        let isBatch = bytes.first { !" \t\r\n".utf8.contains($0) } == UInt8(ascii: "[")
        do throws(EventError) {
            return isBatch ? try JSONEventFormat.decodeBatch(bytes) : [try JSONEventFormat.decode(bytes)]
        } catch {
            throw CommandFailure("\(path == "-" ? "standard input" : path): \(error)")
        }
    }

    private func print(_ answers: [Acceptance], _ events: [Event], _ store: any RunStore) async throws {
        let style = TerminalStyle.standardOutput
        var text = ""
        for (answer, event) in zip(answers, events) {
            let outcome = answer.outcome == .accepted ? style.green("accepted") : style.yellow("duplicate")
            text += "\(outcome)  \(Printable.line(event.type)) \(style.dim(Printable.line(answer.id)))\n"
            for id in answer.runs {
                let run = try await store.run(id)
                text += "  run \(id)  \(run?.job ?? "") \(style.dim(run?.trigger.map { "by \($0)" } ?? ""))\n"
            }
            if answer.runs.isEmpty {
                text += "  no run: no trigger wants it (\"nightjar why \(Printable.line(answer.id))\" tells more)\n"
            }
        }
        try StandardOutput.write(text)
    }
}
