#if os(Linux)
    import Dispatch
    import Synchronization

    #if canImport(Musl)
        import Musl
    #else
        import Glibc
    #endif

    /// An inotify(7) instance, read by a dispatch source whenever it has something: no thread waits.
    final class InotifyQueue: Sendable {
        struct Notification: Sendable, Hashable {
            var watch: Int32
            var mask: UInt32
            var name: [UInt8]
        }

        struct Batch: Sendable, Hashable {
            var notifications: [Notification] = []
            /// More came than is held; whoever reads must look at everything.
            var hasOverflown = false

            var isEmpty: Bool { notifications.isEmpty && !hasOverflown }
        }

        private struct State {
            var batch = Batch()
            var isClosed = false
            var waiting: CheckedContinuation<Void, Never>?
        }

        private let descriptor: Int32
        private let maximumHeld: Int
        /// Set once; activating and cancelling it is safe from any thread.
        nonisolated(unsafe) private let source: any DispatchSourceRead
        private let state = Mutex(State())

        /// An instance that holds at most so many notifications in memory.
        init(maximumHeld: Int = 50_000) throws {
            self.maximumHeld = maximumHeld
            descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
            guard descriptor >= 0 else {
                throw FilesError(
                    code: .watchLimit,
                    description: "inotify cannot be used: \(FilesError.text(errno)); fs.inotify.max_user_instances and "
                        + "`ulimit -n` limit it")
            }
            source = DispatchSource.makeReadSource(
                fileDescriptor: descriptor, queue: DispatchQueue(label: "nightjar.inotify"))
            source.setEventHandler { [weak self] in self?.read() }
            // The descriptor is closed when the source has let go of it, as dispatch asks for.
            source.setCancelHandler { [descriptor] in _ = systemClose(descriptor) }
            source.activate()
        }

        /// Watches a folder; one that is watched already keeps its number.
        func watch(_ path: FilePath, of folder: Folder) throws -> Int32 {
            let what =
                IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CREATE | IN_ATTRIB | IN_DELETE_SELF
                | IN_MOVE_SELF
            let how = IN_ONLYDIR | (path.isRoot ? 0 : IN_DONT_FOLLOW)
            let watch = inotify_add_watch(descriptor, folder.systemPath(path), UInt32(what) | UInt32(how))
            if watch >= 0 { return watch }
            let code = errno
            if code == ENOSPC {
                throw FilesError(
                    code: .watchLimit, description: "no more folders can be watched: raise fs.inotify.max_user_watches")
            }
            if path.isRoot { throw FilesError.folder(folder.options.path, code) }
            throw FilesError(
                code: .subfolder(errno: code), description: "cannot watch \(path.text): \(FilesError.text(code))")
        }

        /// Stops watching a folder.
        func unwatch(_ watch: Int32) {
            // It fails if the folder is gone, and the watch with it: that is what was wanted.
            _ = inotify_rm_watch(descriptor, watch)
        }

        private func read() {
            var buffer = [UInt8](repeating: 0, count: 64 << 10)
            while true {
                let count = systemRead(descriptor, &buffer)
                guard count > 0 else { return }
                add(Self.notifications(buffer[..<count]))
            }
        }

        private static func notifications(_ buffer: ArraySlice<UInt8>) -> [Notification] {
            buffer.withUnsafeBytes { bytes in
                let headerSize = MemoryLayout<inotify_event>.size
                var result: [Notification] = []
                var at = 0
                while at + headerSize <= bytes.count {
                    let header = bytes.loadUnaligned(fromByteOffset: at, as: inotify_event.self)
                    let end = min(at + headerSize + Int(header.len), bytes.count)
                    let name = bytes[(at + headerSize)..<end].prefix { $0 != 0 }
                    result.append(Notification(watch: header.wd, mask: header.mask, name: Array(name)))
                    at = end
                }
                return result
            }
        }

        private func add(_ notifications: [Notification]) {
            let waiting = state.withLock { state in
                if state.batch.notifications.count + notifications.count > maximumHeld {
                    state.batch = Batch(hasOverflown: true)
                } else if !state.batch.hasOverflown {
                    state.batch.notifications += notifications
                }
                return state.waiting.take()
            }
            waiting?.resume()
        }

        /// Waits until there is something to ``take()``, or the task is cancelled.
        func wait() async {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    let isReady = state.withLock { state in
                        if state.isClosed || Task.isCancelled || !state.batch.isEmpty { return true }
                        state.waiting = continuation
                        return false
                    }
                    if isReady { continuation.resume() }
                }
            } onCancel: {
                state.withLock { $0.waiting.take() }?.resume()
            }
        }

        /// What came since the last call.
        func take() -> Batch {
            state.withLock { state in
                defer { state.batch = Batch() }
                return state.batch
            }
        }

        /// Ends all watches.
        func close() {
            let (isFirst, waiting) = state.withLock { state in
                defer { state.isClosed = true }
                return (!state.isClosed, state.waiting.take())
            }
            if isFirst { source.cancel() }
            waiting?.resume()
        }
    }

    // Inside the class, its methods of the same names would be meant.
    private func systemClose(_ descriptor: Int32) -> Int32 { close(descriptor) }
    private func systemRead(_ descriptor: Int32, _ buffer: inout [UInt8]) -> Int {
        read(descriptor, &buffer, buffer.count)
    }
#endif
