import CloudEvents
import Logging
public import NightjarCore

/// A source of events from files: created, changed, deleted.
///
/// What was reported is remembered in the store, in the same transaction as the event: each version of a file is reported
/// once, and what happened while nobody watched is found at the start.
///
/// Events have the type `nightjar.file.created`, `.changed` or `.deleted`, the folder as source (`file:///…`), the path
/// below it as subject, the time of modification as time, the extensions `size` and `path`, and as data the content of
/// files that are not longer than the limit.
public struct FilesSource: EventSource {
    private let options: FilesOptions

    /// A source with these options.
    public init(_ options: FilesOptions) {
        var options = options
        while options.path.count > 1, options.path.hasSuffix("/") { options.path.removeLast() }
        self.options = options
    }

    public func run(_ context: SourceContext) async throws {
        let folder = Folder(options)
        var known: [FilePath: FileVersion] = [:]
        for (path, stored) in try await context.state() {
            if let version = FileVersion(stored: stored) { known[FilePath(text: path)] = version }
        }
        let reporter = FileReporter(folder: folder, context: context)
        #if os(Linux)
            if options.mode != .polling {
                do {
                    if options.mode == .inotify || !NetworkFileSystem.holds(options.path) {
                        return try await InotifyWatch(folder: folder).run(reporter, FileLedger(known), context)
                    }
                } catch let error as FilesError where error.needsPolling && options.mode == .auto {
                    context.logger.warning("\(error); polling instead")
                }
            }
        #endif
        try await poll(folder, reporter, FileLedger(known), context)
    }

    /// Looks again and again. A file is reported when two looks saw the same version.
    private func poll(
        _ folder: Folder, _ reporter: FileReporter, _ ledger: FileLedger, _ context: SourceContext
    ) async throws {
        var ledger = ledger
        var seen: [FilePath: FileVersion] = [:]
        while true {
            let found = try folder.scan()
            context.health(.running)
            let settled = ledger.changes(found, below: nil).filter {
                $0.kind == .deleted || seen[$0.path] == $0.version
            }
            seen = found
            try await reporter.report(settled, &ledger)
            try await context.time.sleep(until: context.time.now + options.interval)
        }
    }
}
