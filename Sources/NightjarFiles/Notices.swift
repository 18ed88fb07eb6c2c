#if os(Linux)
    #if canImport(Musl)
        import Musl
    #else
        import Glibc
    #endif

    /// What a batch of notifications says is to be looked at. No I/O.
    struct Notices: Sendable, Hashable {
        /// What was noticed of a file, the weightier the later.
        enum Notice: Int, Sendable, Hashable {
            /// Its attributes changed: its time of modification perhaps.
            case attributes
            /// It was created, and is still being written unless it is a link.
            case created
            /// It was written and closed, came, or went.
            case complete
        }

        /// Notifications were lost: look at everything.
        private(set) var mustScanAll = false
        /// The watched folder itself was removed or moved.
        private(set) var isRootGone = false
        /// The folders that came, went or were opened to us: look at all that is in them.
        private(set) var folders: Set<FilePath> = []
        /// The files to look at.
        private(set) var files: [FilePath: Notice] = [:]
        /// The watches that are no more.
        private(set) var endedWatches: [Int32] = []

        /// - Parameter watched: the folders that are watched, by watch.
        init(_ batch: InotifyQueue.Batch, watched: [Int32: FilePath], in folder: Folder) {
            mustScanAll = batch.hasOverflown
            for notification in batch.notifications { take(notification, watched, folder) }
        }

        private mutating func take(
            _ notification: InotifyQueue.Notification, _ watched: [Int32: FilePath], _ folder: Folder
        ) {
            func has(_ bits: Int32...) -> Bool { bits.contains { notification.mask & UInt32($0) != 0 } }
            if has(Int32(IN_Q_OVERFLOW)) { mustScanAll = true }
            guard let parent = watched[notification.watch] else { return }
            if has(Int32(IN_IGNORED)) { endedWatches.append(notification.watch) }
            if has(Int32(IN_DELETE_SELF), Int32(IN_MOVE_SELF), Int32(IN_UNMOUNT)), parent.isRoot { isRootGone = true }
            guard !notification.name.isEmpty else { return }

            let path = parent.appending(notification.name)
            if notification.mask & UInt32(IN_ISDIR) != 0 {
                if folder.options.recursive, !folder.isIgnored(path) { folders.insert(path) }
                return
            }
            if has(Int32(IN_CLOSE_WRITE)), notification.name.first == UInt8(ascii: "#") {
                // A file made without a name (O_TMPFILE) and linked here is closed under the name it did not have.
                folders.insert(parent)
            }
            guard folder.isWanted(path) else { return }
            let notice: Notice =
                has(Int32(IN_CLOSE_WRITE), Int32(IN_MOVED_TO), Int32(IN_MOVED_FROM), Int32(IN_DELETE))
                ? .complete : has(Int32(IN_CREATE)) ? .created : .attributes
            if notice.rawValue >= files[path]?.rawValue ?? 0 { files[path] = notice }
        }
    }
#endif
