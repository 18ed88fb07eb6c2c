import CloudEvents
import Logging
import NightjarCore

/// Makes events of changes and hands them to the intake, in batches, until it takes them.
struct FileReporter: Sendable {
    private static let batchEvents = 100
    private static let batchBytes = 4 << 20

    let folder: Folder
    let context: SourceContext

    /// Reports changes and records them in the ledger. Changes of kinds that nobody asked for are recorded alone.
    func report(_ changes: [FileLedger.Change], _ ledger: inout FileLedger) async throws {
        var batch: [(FileLedger.Change, IncomingEvent)] = []
        var bytes = 0
        for change in changes {
            guard folder.options.on.contains(change.kind) else {
                ledger.record(change)
                continue
            }
            guard let event = event(change) else { continue }
            batch.append((change, event))
            bytes += event.event.data?.count ?? 0
            if batch.count >= Self.batchEvents || bytes >= Self.batchBytes {
                try await deliver(batch, &ledger)
                batch = []
                bytes = 0
            }
        }
        try await deliver(batch, &ledger)
    }

    /// The event for a change; `nil` if the file has changed again, which will be noticed.
    private func event(_ change: FileLedger.Change) -> IncomingEvent? {
        let path = change.path.text
        var event = Event(
            id: "\(change.kind.rawValue):\(path):\(change.version.identity)", source: source,
            type: "nightjar.file.\(change.kind.rawValue)", subject: path, time: change.version.modified,
            extensions: [
                "path": .string(folder.options.path + "/" + path), "size": .string("\(change.version.sizeBytes)"),
            ])
        if change.kind != .deleted {
            switch folder.content(of: change.path, change.version) {
            case .bytes(let bytes):
                event.data = bytes
                event.dataContentType = ContentType.of(path)
            case .tooLong: event.extensions["truncated"] = .boolean(true)
            case .superseded: return nil
            }
        }
        let state = SourceStateChange(
            trigger: context.trigger, key: path, value: change.kind == .deleted ? nil : change.version.stored)
        return IncomingEvent(event, to: .trigger(context.trigger), stateChanges: [state])
    }

    private var source: String {
        var text = "file://"
        for byte in folder.options.path.utf8 {
            let isPlain =
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "/-_.~".utf8.contains(byte)
            text += isPlain ? String(Unicode.Scalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
        }
        return text
    }

    private func deliver(_ batch: [(FileLedger.Change, IncomingEvent)], _ ledger: inout FileLedger) async throws {
        guard !batch.isEmpty else { return }
        while true {
            do throws(IntakeError) {
                _ = try await context.intake.accept(batch.map(\.1))
                for (change, _) in batch { ledger.record(change) }
                return
            } catch {
                if error.isTransient {
                    context.health(.failing("the intake takes nothing: \(error.message)"))
                    try await context.time.sleep(until: context.time.now + (error.retryAfter ?? .seconds(1)))
                    context.health(.running)
                    continue
                }
                if batch.count == 1 { return try await deliverRefused(batch[0], error, &ledger) }
                // One of them is to blame; the others must not wait for it.
                for single in batch { try await deliver([single], &ledger) }
                return
            }
        }
    }

    private func deliverRefused(
        _ refused: (FileLedger.Change, IncomingEvent), _ error: IntakeError, _ ledger: inout FileLedger
    ) async throws {
        var incoming = refused.1
        if error.code == .tooLarge, incoming.event.data != nil {
            incoming.event.data = nil
            incoming.event.dataContentType = nil
            incoming.event.extensions["truncated"] = .boolean(true)
            return try await deliver([(refused.0, incoming)], &ledger)
        }
        context.logger.error(
            "a file cannot be reported", metadata: ["path": "\(refused.0.path.text)", "error": "\(error)"])
    }
}

/// Guesses the media type of a file from its name.
enum ContentType {
    private static let byExtension = [
        "json": "application/json", "csv": "text/csv", "txt": "text/plain", "md": "text/markdown", "xml": "application/xml",
        "html": "text/html", "yaml": "application/yaml", "yml": "application/yaml", "pdf": "application/pdf",
        "png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "gif": "image/gif", "svg": "image/svg+xml",
        "zip": "application/zip", "gz": "application/gzip",
    ]

    static func of(_ path: String) -> String {
        guard let dot = path.lastIndex(of: ".") else { return "application/octet-stream" }
        return byExtension[path[path.index(after: dot)...].lowercased()] ?? "application/octet-stream"
    }
}
