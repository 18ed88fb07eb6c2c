#if os(Linux)
    import CloudEvents
    import Logging
    import NightjarCore

    /// Watches a folder by inotify(7). A watch on each folder; a look at each file that a notification names.
    struct InotifyWatch: Sendable {
        /// A folder may be moved or replaced without a word to its watch, by way of the folders above.
        private static let identityCheck = Duration.seconds(30)

        private let reporter: FileReporter
        private let context: SourceContext
        private let queue: InotifyQueue
        private var folder: Folder { reporter.folder }
        private var disk: Disk { reporter.disk }

        private var ledger: FileLedger
        private var watched: [Int32: FilePath] = [:]
        private var unread: [FilePath: Int32] = [:]
        /// Files that may still be written to: reported once they are complete.
        private var unsettled: [FilePath: UnsettledFile] = [:]
        /// When the first of them is due. As a time of `TimeSource.elapsed`, like every time that is waited for here.
        private var nextLook: Duration?

        init(_ reporter: FileReporter, _ ledger: FileLedger, _ queue: InotifyQueue) {
            self.reporter = reporter
            context = reporter.context
            self.queue = queue
            self.ledger = ledger
        }

        /// Reports changes until the task is cancelled.
        mutating func run() async throws {
            let identity = try await disk.run { [folder] in try folder.identity() }
            try await scan([.root])
            // Another took its place before the watch was there, or before the look.
            guard ledger.mark?.identity == identity else { throw FilesError.gone(folder.options.path) }
            context.health(.running)
            var nextCheck = context.time.elapsed + Self.identityCheck
            while true {
                try await wait(until: min(nextCheck, nextLook ?? nextCheck))
                let batch = queue.take()
                if !batch.isEmpty {
                    try await handle(Notices(batch, watched: watched, in: folder))
                }
                if let look = nextLook, look <= context.time.elapsed { try await lookAgain() }
                if nextCheck <= context.time.elapsed {
                    guard try await disk.run({ [folder] in try folder.identity() }) == identity else {
                        throw FilesError.gone(folder.options.path)
                    }
                    if !unread.isEmpty { try await scan(Set(unread.keys)) }
                    nextCheck = context.time.elapsed + Self.identityCheck
                }
            }
        }

        private func wait(until deadline: Duration) async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { [queue] in await queue.wait() }
                group.addTask { [time = context.time] in try await time.sleep(for: deadline - time.elapsed) }
                try await group.next()
                group.cancelAll()
            }
            try Task.checkCancellation()
        }

        private mutating func handle(_ notices: Notices) async throws {
            for watch in notices.endedWatches { watched[watch] = nil }
            if notices.isRootGone { throw FilesError.gone(folder.options.path) }
            if notices.mustScanAll {
                context.logger.warning("notifications were lost: looking at every file")
                return try await scan([.root])
            }
            if !notices.folders.isEmpty { try await scan(notices.folders) }
            try await look(at: notices.files)
        }

        private mutating func look(at files: [FilePath: Notices.Notice]) async throws {
            guard !files.isEmpty else { return }
            let paths = files.keys.sorted()
            let looks = try await disk.run { [folder] in paths.map { folder.look(at: $0) } }
            var changes: [FileLedger.Change] = []
            for (path, look) in zip(paths, looks) {
                if case .unknown(let code) = look {
                    wait(for: path, nil)
                    context.logger.warning(
                        "a file cannot be looked at",
                        metadata: ["path": "\(path.text)", "error": "\(FilesError.text(code))"])
                    continue
                }
                let version = look.version
                switch files[path] {
                case .created?:
                    // Somebody writes to it, and will close it. Or it was linked here, and nothing more is heard of it: who
                    // writes to it closes it by its other name, if it still has one.
                    if let version { wait(for: path, version, isAnnounced: !version.isLinked) }
                    continue
                // Who sets another time on a file that is complete makes another version of it.
                case .attributes?
                where version?.inode != ledger.version(at: path)?.inode
                    || version?.sizeBytes != ledger.version(at: path)?.sizeBytes || unsettled[path] != nil:
                    continue
                default: break
                }
                unsettled[path] = nil
                if let change = ledger.change(at: path, now: version) { changes.append(change) }
            }
            try await report(changes)
        }

        /// Looks again at what may have been written to, and reports what is complete.
        private mutating func lookAgain() async throws {
            let now = context.time.elapsed
            let paths = unsettled.filter { $0.value.due <= now }.keys.sorted()
            // In this order: whoever comes to write after the look changes what it saw.
            let looks = try await disk.run { [folder] in
                paths.map { path in
                    let look = folder.look(at: path)
                    return (look, look.version == nil ? .unknown : folder.writers(of: path))
                }
            }
            var changes: [FileLedger.Change] = []
            for (path, (look, writers)) in zip(paths, looks) {
                let isGone = if case .absent = look { true } else { false }
                guard isGone || unsettled[path]?.isComplete(look.version, writers, now: now) != false else { continue }
                unsettled[path] = nil
                if let change = ledger.change(at: path, now: look.version) { changes.append(change) }
            }
            try await report(changes)
            // Many files that fall due one after the other are looked at together.
            nextLook = unsettled.values.map(\.due).min().map {
                max($0, context.time.elapsed + folder.options.interval / 10)
            }
        }

        private mutating func report(_ changes: [FileLedger.Change]) async throws {
            for path in try await reporter.report(changes, &ledger) { wait(for: path, nil) }
        }

        /// Has a file looked at again once it has rested for the interval.
        private mutating func wait(
            for path: FilePath, _ version: FileVersion?, age: Duration = .zero, isAnnounced: Bool = false
        ) {
            let file = UnsettledFile(
                version, age: age, isAnnounced: isAnnounced, now: context.time.elapsed,
                interval: folder.options.interval)
            unsettled[path] = file
            nextLook = min(nextLook ?? file.due, file.due)
        }
    }

    extension InotifyWatch {
        /// Looks at everything in these folders, and watches them and the folders below from before the look on.
        private mutating func scan(_ places: Set<FilePath>) async throws {
            let (scan, added) = try await disk.run { [folder, queue] in
                var added: [Int32: FilePath] = [:]
                // A folder inside another place is looked at with that.
                let outermost = places.filter { place in
                    place.isRoot || !(place.folders + [.root]).contains(where: places.contains)
                }
                let scan = try folder.scan(Array(outermost)) { added[try queue.watch($0, of: folder)] = $0 }
                return (scan, added)
            }
            try reporter.check(scan, &ledger)
            let blocked = Set(scan.unread.keys)
            for (watch, path) in watched
            where added[watch] == nil && path.isInside(places) && !path.isInside(blocked) {
                queue.unwatch(watch)
                watched[watch] = nil
            }
            watched.merge(added) { $1 }
            remember(scan.unread, in: places)

            // No notification says whether somebody still writes to what a look finds.
            let (now, longRest) = (context.time.now, UnsettledFile.longRest(folder.options.interval))
            var changes: [FileLedger.Change] = []
            for change in ledger.changes(scan, in: places) {
                let age = now - change.version.modified
                if change.kind == .deleted || age >= longRest && unsettled[change.path] == nil {
                    unsettled[change.path] = nil
                    changes.append(change)
                } else if unsettled[change.path] == nil {
                    wait(for: change.path, change.version, age: max(.zero, age))
                }
            }
            try await report(changes)
        }

        private mutating func remember(_ found: [FilePath: Int32], in places: Set<FilePath>) {
            for (path, code) in found where unread[path] != code {
                context.logger.warning(
                    "cannot be looked at, and is left out until it can",
                    metadata: ["path": "\(path.text)", "error": "\(FilesError.text(code))"])
            }
            unread = unread.filter { !$0.key.isInside(places) }.merging(found) { $1 }
        }
    }
#endif
