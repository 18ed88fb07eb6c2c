import CloudEvents
import Logging
import NightjarCore

/// Makes events of changes and hands them to the intake, in batches, until it takes them.
struct FileReporter: Sendable {
    private struct Report: Sendable {
        var change: FileLedger.Change
        var incoming: IncomingEvent
    }

    private static let batchEvents = 100
    private static let batchBytes = 8 << 20
    private static let savedPerEvent = 1000
    /// Clocks of file systems tick every 1 to 10 ms: two writes within a tick look like one version. A version older
    /// than this can't be written to again without becoming another one.
    private static let clockTick = Duration.milliseconds(20)

    let folder: Folder
    let context: SourceContext
    let disk: Disk

    /// Reports changes and records them in the ledger. Changes that nobody asked for are noted there alone.
    /// - Returns: the files that have changed again meanwhile, or are being written to: to be looked at later.
    func report(_ changes: [FileLedger.Change], _ ledger: inout FileLedger) async throws -> [FilePath] {
        var superseded: [FilePath] = []
        var batch: [FileLedger.Change] = []
        var bytes = 0
        for change in changes {
            guard folder.options.on.contains(change.kind), folder.isWanted(change.path) else {
                ledger.note(change)
                continue
            }
            let size = change.kind == .deleted ? 0 : folder.contentBytes(change.version)
            if batch.count == Self.batchEvents || !batch.isEmpty && bytes + size > Self.batchBytes {
                superseded += try await report(batch: batch, &ledger)
                batch = []
                bytes = 0
            }
            batch.append(change)
            bytes += size
        }
        superseded += try await report(batch: batch, &ledger)
        guard ledger.count <= folder.options.maximumFiles else { throw FilesError.tooManyFiles(folder.options) }
        return superseded
    }

    private func report(batch: [FileLedger.Change], _ ledger: inout FileLedger) async throws -> [FilePath] {
        guard !batch.isEmpty else { return [] }
        try await waitForClockTick(batch)
        let contents = try await disk.run { [folder] in
            // When the whole folder goes, its files were not deleted one by one: it may be a disk that is not mounted.
            if batch.contains(where: { $0.kind == .deleted }) { _ = try folder.identity() }
            return batch.map { $0.kind == .deleted ? .none : folder.content(of: $0.path, $0.version) }
        }
        var superseded: [FilePath] = []
        var reports: [Report] = []
        for (change, content) in zip(batch, contents) {
            if case .superseded = content {
                superseded.append(change.path)
            } else {
                reports.append(Report(change: change, incoming: incoming(change, content)))
            }
        }
        try await deliver(reports, &ledger)
        return superseded
    }

    /// Refuses a look that found nothing where files were known, in another folder of the same name than before: a disk
    /// that is not mounted looks like that, and its files were not deleted.
    func check(_ scan: FolderScan, _ ledger: inout FileLedger) throws {
        guard let identity = scan.root else { return }
        if let mark = ledger.mark, mark.identity != identity, scan.found.isEmpty, ledger.count > 0 {
            throw FilesError.empty(folder.options.path)
        }
        ledger.mark = FolderMark(path: folder.options.path, identity: identity)
    }

    private func waitForClockTick(_ changes: [FileLedger.Change]) async throws {
        let now = context.time.now
        let recent = changes.filter { $0.kind != .deleted && $0.version.modified <= now }.map(\.version.modified).max()
        guard let recent, now - recent < Self.clockTick else { return }
        try await context.time.sleep(for: Self.clockTick - (now - recent))
    }
}

extension FileReporter {
    private func incoming(_ change: FileLedger.Change, _ content: Folder.Content) -> IncomingEvent {
        let version = change.version
        let parent = folder.options.path == "/" ? "" : folder.options.path
        let full = FilePath(bytes: Array(parent.utf8) + [UInt8(ascii: "/")] + change.path.bytes)
        let now = context.time.now
        let occurrence = change.kind == .deleted ? "\(now.microsecondsSince1970)" : version.identity
        var event = Event(
            id: "\(change.kind.rawValue):\(change.path.key):\(occurrence)",
            source: FilePath.uri(ofAbsolute: folder.options.path), type: "nightjar.file.\(change.kind.rawValue)",
            subject: change.path.text, time: change.kind == .deleted ? now : version.modified,
            extensions: [
                "path": .string(full.text), "size": .string("\(version.sizeBytes)"),
                "modified": .string(version.modified.rfc3339),
            ])
        if full.exactText == nil { event.extensions["pathencoding"] = .string("percent") }
        switch content {
        case .bytes(let bytes):
            event.data = bytes
            event.dataContentType = ContentType.of(change.path)
        case .tooLong:
            event.extensions["truncated"] = .boolean(true)
        case .unreadable(let code):
            event.extensions["unreadable"] = .boolean(true)
            context.logger.warning(
                "a file is reported without its content, which cannot be read",
                metadata: ["path": "\(change.path.text)", "error": "\(FilesError.text(code))"])
        case .none, .superseded: break
        }
        return IncomingEvent(
            event, to: .trigger(context.trigger),
            stateChanges: [state(change.path, change.kind == .deleted ? .gone(version) : .there(version))])
    }

    private func state(_ path: FilePath, _ note: FileLedger.Note?) -> SourceStateChange {
        SourceStateChange(trigger: context.trigger, key: path.key, value: note?.stored)
    }

    /// Offers the reports until the intake has taken or for good refused them.
    private func deliver(_ reports: [Report], _ ledger: inout FileLedger) async throws {
        guard !reports.isEmpty else { return }
        // What nobody asked to hear of rides along. It comes first, so that a report on the same file is the last word.
        let unsaved = ledger.unsaved(limit: Self.savedPerEvent)
        var batch = reports.map(\.incoming)
        batch[0].stateChanges.insert(contentsOf: unsaved.map { state($0.path, $0.note) }, at: 0)
        let mark = ledger.mark
        if mark != ledger.savedMark {
            let dropped = ledger.stale.map { SourceStateChange(trigger: context.trigger, key: $0, value: nil) }
            batch[0].stateChanges.insert(
                contentsOf: dropped + [
                    SourceStateChange(trigger: context.trigger, key: FolderMark.key, value: mark?.stored)
                ], at: 0)
        }
        var isHeldUp = false
        while true {
            do throws(IntakeError) {
                _ = try await context.intake.accept(batch)
                if isHeldUp { context.health(.running) }
                ledger.saved(unsaved.map(\.path))
                ledger.settled(mark)
                for report in reports { ledger.record(report.change) }
                return
            } catch {
                if error.isTransient {
                    isHeldUp = true
                    context.health(.failing("files wait, because the intake takes nothing: \(error.message)"))
                    try await context.time.sleep(for: error.retryAfter ?? .seconds(1))
                    continue
                }
                if reports.count == 1 { return try await deliverRefused(reports[0], error, &ledger) }
                // One of them is to blame; the others must not wait for it.
                for single in reports { try await deliver([single], &ledger) }
                return
            }
        }
    }

    private func deliverRefused(_ refused: Report, _ error: IntakeError, _ ledger: inout FileLedger) async throws {
        if error.code == .tooLarge, refused.incoming.event.data != nil {
            var smaller = refused
            smaller.incoming.event.data = nil
            smaller.incoming.event.dataContentType = nil
            smaller.incoming.event.extensions["truncated"] = .boolean(true)
            return try await deliver([smaller], &ledger)
        }
        ledger.giveUp(refused.change)
        context.logger.error(
            "a file cannot be reported; it is tried again when it changes, or at the next start",
            metadata: ["path": "\(refused.change.path.text)", "error": "\(error)"])
    }
}
