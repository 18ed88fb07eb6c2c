import CloudEvents
import Foundation
import Logging
public import NightjarCore

/// A source of events from files: created, changed, deleted.
///
/// What was reported is remembered in the store, in the same transaction as the event: each version of a file is reported
/// once, and what happened while nobody watched is found at the start.
///
/// An event has the type `nightjar.file.created`, `.changed` or `.deleted`; the folder as source (`file:///…`); the path
/// below it as subject; as time that of the modification, or when a deletion was noticed; and as data the content of a
/// file that is not longer than the limit. Its extensions:
///
/// | name | |
/// |---|---|
/// | `path` | the whole path |
/// | `size` | in bytes, as text |
/// | `modified` | the time of modification (RFC 3339) |
/// | `truncated` | `true`: the file is longer than the limit, and its content left out |
/// | `unreadable` | `true`: the content could not be read |
/// | `pathencoding` | `percent`: the path is no valid text, and its bytes are percent-encoded in `subject` and `path` |
public struct FilesSource: EventSource {
    private let options: FilesOptions
    private let maximumNotifications: Int

    /// A source with these options. A relative path counts from the current directory.
    public init(_ options: FilesOptions) {
        self.init(options, maximumNotifications: 50_000)
    }

    /// - Parameter maximumNotifications: how many are held in memory before all files are looked at instead.
    init(_ options: FilesOptions, maximumNotifications: Int) {
        var options = options
        options.path = Self.absolute(options.path)
        self.options = options
        self.maximumNotifications = maximumNotifications
    }

    /// Without `.`, empty and last slashes; `..` stays, for what it means depends on symbolic links.
    private static func absolute(_ path: String) -> String {
        let full = path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
        return "/" + full.split(separator: "/").filter { $0 != "." }.joined(separator: "/")
    }

    /// Reports what happens until the task is cancelled.
    /// - Throws: an error that says why the folder cannot be watched; the engine calls again after a while.
    public func run(_ context: SourceContext) async throws {
        let reporter = FileReporter(folder: Folder(options), context: context, disk: Disk())
        #if os(Linux)
            if try await usesInotify(reporter.disk) {
                do {
                    let queue = try InotifyQueue(maximumHeld: maximumNotifications)
                    defer { queue.close() }
                    var watch = InotifyWatch(reporter, try await ledger(context), queue)
                    try await watch.run()
                } catch let error as FilesError where error.code == .watchLimit && options.mode == .auto {
                    context.logger.warning("polling instead", metadata: ["reason": "\(error)"])
                }
            }
        #endif
        try await poll(reporter, try await ledger(context))
    }

    #if os(Linux)
        private func usesInotify(_ disk: Disk) async throws -> Bool {
            switch options.mode {
            case .inotify: true
            case .polling: false
            case .auto: try await !disk.run { [options] in NetworkFileSystem.holds(options.path) }
            }
        }
    #endif

    /// What was reported up to now of this folder. Notes on another one, which the trigger watched before, are dropped with
    /// the next event.
    private func ledger(_ context: SourceContext) async throws -> FileLedger {
        var notes: [FilePath: FileLedger.Note] = [:]
        var state = try await context.state()
        let mark = state.removeValue(forKey: FolderMark.key).flatMap { FolderMark(stored: $0) }
        if let mark, mark.path != options.path {
            context.logger.info(
                "another folder is watched than before: its files are all new", metadata: ["before": "\(mark.path)"])
            return FileLedger(stale: Array(state.keys))
        }
        for (key, stored) in state {
            guard let path = FilePath(key: key), let note = FileLedger.Note(stored: stored) else {
                context.logger.warning("what is remembered of a file cannot be read", metadata: ["key": "\(key)"])
                continue
            }
            notes[path] = note
        }
        return FileLedger(notes, mark: mark)
    }

    /// Looks again and again. A file is reported when two looks saw the same version, and nobody is known to write to it.
    private func poll(_ reporter: FileReporter, _ initial: FileLedger) async throws {
        let context = reporter.context
        var ledger = initial
        var unsettled: [FilePath: Seen] = [:]
        var unread: [FilePath: Int32] = [:]
        while true {
            let scan = try await reporter.disk.run { [folder = reporter.folder] in try folder.scan() }
            try reporter.check(scan, &ledger)
            context.health(.running)
            for (path, code) in scan.unread where unread[path] != code {
                context.logger.warning(
                    "cannot be looked at, and is left out until it can",
                    metadata: ["path": "\(path.text)", "error": "\(FilesError.text(code))"])
            }
            unread = scan.unread
            let now = context.time.elapsed
            var settled: [FileLedger.Change] = []
            var waiting: [FilePath: Seen] = [:]
            for change in ledger.changes(scan) {
                if change.kind == .deleted || unsettled[change.path]?.version == change.version {
                    settled.append(change)
                } else {
                    waiting[change.path] = Seen(version: change.version, since: now)
                }
            }
            if scan.tellsWriters {
                // One that has rested for long is not waited for: it may be a log.
                let recent = unsettled.filter { now - $0.value.since < UnsettledFile.longRest(options.interval) }
                for path in try await written(settled, recent, reporter) { waiting[path] = recent[path] }
                settled.removeAll { waiting[$0.path] != nil }
            }
            unsettled = waiting
            // What has changed again meanwhile is found by the next look.
            _ = try await reporter.report(settled, &ledger)
            try await context.time.sleep(for: options.interval)
        }
    }

    /// Those changed files that somebody has open for writing. Asked after the look: whoever comes later changes what it saw.
    private func written(
        _ changes: [FileLedger.Change], _ recent: [FilePath: Seen], _ reporter: FileReporter
    ) async throws -> [FilePath] {
        let paths = changes.filter {
            $0.kind != .deleted && options.on.contains($0.kind) && recent[$0.path] != nil
        }.map(\.path)
        guard !paths.isEmpty else { return [] }
        return try await reporter.disk.run { [folder = reporter.folder] in
            paths.filter { folder.writers(of: $0) == .some }
        }
    }

    /// A file as polling saw it, and since when, as a time of `TimeSource.elapsed`.
    private struct Seen: Sendable {
        var version: FileVersion
        var since: Duration
    }
}
