#if os(Linux)
    import Dispatch
    import Glibc
    import Logging
    import NightjarCore
    import Synchronization

    /// Watches a folder by inotify(7). A watch on each folder; a look at each file that a notification names.
    struct InotifyWatch: Sendable {
        let folder: Folder

        /// Reports changes until the task is cancelled.
        func run(_ reporter: FileReporter, _ ledger: FileLedger, _ context: SourceContext) async throws {
            var ledger = ledger
            let queue = try InotifyQueue()
            defer { queue.close() }
            var watches = Watches(queue: queue, folder: folder)
            try await reporter.report(ledger.changes(try watches.scan(nil), below: nil), &ledger)
            context.health(.running)
            while let notifications = await queue.next() {
                try await handle(notifications, &watches, reporter, &ledger, context)
            }
            try Task.checkCancellation()
        }

        private func handle(
            _ notifications: InotifyQueue.Batch, _ watches: inout Watches, _ reporter: FileReporter,
            _ ledger: inout FileLedger, _ context: SourceContext
        ) async throws {
            var mustScanAll = notifications.hasOverflown
            if mustScanAll { context.logger.warning("notifications were lost; looking at every file again") }
            var paths: [FilePath] = []
            var folders: [FilePath] = []
            for notification in notifications.items {
                let isFolder = notification.mask & UInt32(IN_ISDIR) != 0
                if notification.mask & UInt32(IN_Q_OVERFLOW) != 0 { mustScanAll = true }
                if notification.mask & UInt32(IN_IGNORED) != 0 {
                    watches.forget(notification.watch)
                    continue
                }
                guard let parent = watches.folders[notification.watch] else { continue }
                if notification.mask & UInt32(IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT) != 0 {
                    if parent == nil {
                        throw FilesError(description: "the folder \(folder.options.path) was removed; waiting for it to come back")
                    }
                    continue
                }
                guard !notification.name.isEmpty else { continue }
                let path = FilePath(text: (parent.map { $0.text + "/" } ?? "") + FilePath(bytes: notification.name).text)
                if isFolder {
                    if folder.options.recursive { folders.append(path) }
                } else if folder.isWanted(path), !paths.contains(path) {
                    // A file that was only created is reported when it is closed, or is complete already: a hard link.
                    if notification.mask & UInt32(IN_CREATE) != 0, !isLinked(path) { continue }
                    paths.append(path)
                }
            }
            if mustScanAll {
                return try await reporter.report(ledger.changes(try watches.scan(nil), below: nil), &ledger)
            }
            for path in folders {
                try await reporter.report(ledger.changes(try watches.scan(path), below: path), &ledger)
            }
            try await reporter.report(
                paths.compactMap { ledger.change(at: $0, now: folder.version(of: $0)) }, &ledger)
        }

        private func isLinked(_ path: FilePath) -> Bool {
            var status = stat()
            return lstat(folder.systemPath(path), &status) == 0 && status.st_nlink > 1
        }

        /// Which folders are watched, by watch descriptor.
        private struct Watches {
            let queue: InotifyQueue
            let folder: Folder
            /// `nil` stands for the watched folder itself.
            private(set) var folders: [Int32: FilePath?] = [:]

            init(queue: InotifyQueue, folder: Folder) {
                self.queue = queue
                self.folder = folder
            }

            mutating func forget(_ watch: Int32) { folders[watch] = nil }

            /// Looks at everything below a folder, and watches it and the folders below from before the look on.
            mutating func scan(_ start: FilePath?) throws -> [FilePath: FileVersion] {
                if let start, !isFolder(start) { return [:] }
                var added: [Int32: FilePath?] = [:]
                let found = try folder.scan(start) { path in
                    added[try queue.watch(folder.systemPath(path), folder.options.path)] = .some(path)
                }
                folders.merge(added) { $1 }
                return found
            }

            private func isFolder(_ path: FilePath) -> Bool {
                var status = stat()
                return lstat(folder.systemPath(path), &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
            }
        }
    }

    /// An inotify instance, read whenever it has something, by a dispatch source: no thread waits.
    final class InotifyQueue: Sendable {
        struct Notification: Sendable {
            var watch: Int32
            var mask: UInt32
            var name: [UInt8]
        }

        struct Batch: Sendable {
            var items: [Notification] = []
            /// More came than is held; whoever reads must look at everything.
            var hasOverflown = false
        }

        private struct State {
            var batch = Batch()
            var isClosed = false
            var waiting: CheckedContinuation<Void, Never>?
        }

        private static let maximumHeld = 50_000

        private let descriptor: Int32
        /// Set once; activating and cancelling it is safe from any thread.
        nonisolated(unsafe) private let source: any DispatchSourceRead
        private let state = Mutex(State())

        init() throws {
            descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
            guard descriptor >= 0 else {
                throw FilesError(
                    description: "inotify is not available: \(String(cString: strerror(errno))) (fs.inotify.max_user_instances)",
                    needsPolling: true)
            }
            source = DispatchSource.makeReadSource(
                fileDescriptor: descriptor, queue: DispatchQueue(label: "nightjar.inotify"))
            source.setEventHandler { [weak self] in self?.read() }
            // The descriptor is closed when the source has let go of it, as dispatch asks for.
            source.setCancelHandler { [descriptor] in _ = Glibc.close(descriptor) }
            source.activate()
        }

        /// Watches a folder; one that is watched already keeps its descriptor.
        func watch(_ path: [CChar], _ root: String) throws -> Int32 {
            let mask =
                IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE
                | IN_CREATE | IN_DELETE_SELF | IN_MOVE_SELF
            let watch = inotify_add_watch(descriptor, path, UInt32(mask) | UInt32(IN_ONLYDIR))
            if watch >= 0 { return watch }
            let code = errno
            if code == ENOSPC {
                throw FilesError(
                    description: "no more folders can be watched: raise fs.inotify.max_user_watches", needsPolling: true)
            }
            throw FilesError(
                description: "cannot watch the folder \(root): \(String(cString: strerror(code)))", isAboutOneFolder: true)
        }

        private func read() {
            var buffer = [UInt8](repeating: 0, count: 64 << 10)
            while true {
                let count = Glibc.read(descriptor, &buffer, buffer.count)
                guard count > 0 else { return }
                var items: [Notification] = []
                buffer.withUnsafeBytes { bytes in
                    var at = 0
                    while at + MemoryLayout<inotify_event>.size <= count {
                        let header = bytes.loadUnaligned(fromByteOffset: at, as: inotify_event.self)
                        let start = at + MemoryLayout<inotify_event>.size
                        let name = bytes[start..<start + Int(header.len)].prefix { $0 != 0 }
                        items.append(Notification(watch: header.wd, mask: header.mask, name: Array(name)))
                        at = start + Int(header.len)
                    }
                }
                add(items)
            }
        }

        private func add(_ items: [Notification]) {
            let waiting = state.withLock { state in
                if state.batch.items.count + items.count > Self.maximumHeld {
                    state.batch = Batch(items: [], hasOverflown: true)
                } else if !state.batch.hasOverflown {
                    state.batch.items += items
                }
                return state.waiting.take()
            }
            waiting?.resume()
        }

        /// What came since the last call, as soon as there is something; `nil` when closed or cancelled.
        func next() async -> Batch? {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isReady = state.withLock { state in
                        if state.isClosed || !state.batch.items.isEmpty || state.batch.hasOverflown { return true }
                        state.waiting = continuation
                        return false
                    }
                    if isReady { continuation.resume() }
                }
            } onCancel: {
                close()
            }
            return state.withLock { state in
                guard !state.isClosed else { return nil }
                defer { state.batch = Batch() }
                return state.batch
            }
        }

        func close() {
            let (isFirst, waiting) = state.withLock { state in
                defer { state.isClosed = true }
                return (!state.isClosed, state.waiting.take())
            }
            if isFirst { source.cancel() }
            waiting?.resume()
        }
    }
#endif
