/// Knows which version of each file was reported, and decides what is to be reported next. No I/O.
struct FileLedger: Sendable {
    /// Something that happened to a file.
    struct Change: Sendable, Hashable {
        var path: FilePath
        var kind: FilesOptions.Kind
        /// The new version; for a deleted file the last one known.
        var version: FileVersion
    }

    /// What is remembered of a path.
    enum Note: Sendable, Hashable {
        /// The version that was reported.
        case there(FileVersion)
        /// The last version of a file that is not there any more: it may come back.
        case gone(FileVersion)

        var stored: [UInt8] {
            switch self {
            case .there(let version): Array(version.stored.utf8)
            case .gone(let version): Array("- \(version.stored)".utf8)
            }
        }

        init?(stored: [UInt8]) {
            let text = String(decoding: stored, as: UTF8.self)
            let isGone = text.hasPrefix("- ")
            guard let version = FileVersion(stored: isGone ? text.dropFirst(2) : text[...]) else { return nil }
            self = isGone ? .gone(version) : .there(version)
        }
    }

    /// So many files that are gone are remembered at least.
    static let leastGone = 10_000

    private var known: [FilePath: FileVersion] = [:]
    private var gone: [FilePath: (version: FileVersion, number: Int)] = [:]
    /// What went, in that order; some may be there again, or have gone once more.
    private var goneOrder: [(path: FilePath, number: Int)] = []
    private var goneCount = 0
    /// Of more files that are gone the first are forgotten: it is as many as were there at once, for all may go with their folder.
    private var mostGone = FileLedger.leastGone
    /// What is known here and not in the store, because nobody asked for an event about it: saved with the next event,
    /// so that what happens while nobody watches is told from what was there before.
    private var unsaved: Set<FilePath> = []

    /// Which folder this is about.
    var mark: FolderMark?
    /// The mark that the store is known to have.
    private(set) var savedMark: FolderMark?
    /// Keys of notes on another folder, which the store is to drop.
    private(set) var stale: [String] = []

    /// A ledger of what was reported before.
    init(_ notes: [FilePath: Note] = [:], mark: FolderMark? = nil) {
        mostGone = max(Self.leastGone, notes.count)
        var gone: [(FilePath, FileVersion)] = []
        for (path, note) in notes {
            switch note {
            case .there(let version): known[path] = version
            case .gone(let version): gone.append((path, version))
            }
        }
        // The order in which they went is not stored.
        for (path, version) in gone.sorted(by: { ($0.1.newest, $0.0) < ($1.1.newest, $1.0) }) {
            noteGone(path, version)
        }
        self.mark = mark
        savedMark = mark
    }

    /// An empty ledger, in a store that has notes on another folder.
    init(stale: [String]) { self.stale = stale }

    /// The store has dropped the notes on another folder, and knows of this one.
    mutating func settled(_ mark: FolderMark?) {
        stale = []
        savedMark = mark
    }

    /// How many files are known.
    var count: Int { known.count }

    /// The version last known at a path.
    func version(at path: FilePath) -> FileVersion? { known[path] }

    /// What a look at one path says: its version now, or that there is no regular file any more.
    func change(at path: FilePath, now version: FileVersion?) -> Change? {
        switch (known[path], version) {
        case (nil, nil): nil
        case (nil, let new?):
            Change(path: path, kind: .created, version: gone[path].map { new.following($0.version) } ?? new)
        case (let old?, nil): Change(path: path, kind: .deleted, version: old)
        case (let old?, let new?):
            old == new ? nil : Change(path: path, kind: .changed, version: new.following(old))
        }
    }

    /// What a look at everything in `places` says, in the order of the paths. Of what could not be looked at, it says
    /// nothing.
    func changes(_ scan: FolderScan, in places: Set<FilePath> = [.root]) -> [Change] {
        let unread = Set(scan.unread.keys)
        let gone = known.keys.filter { path in
            scan.found[path] == nil && path.isInside(places) && !(!unread.isEmpty && path.isInside(unread))
        }
        return (Array(scan.found.keys) + gone).sorted().compactMap { change(at: $0, now: scan.found[$0]) }
    }

    /// A change was reported, and the store knows of it.
    mutating func record(_ change: Change) {
        know(change)
        unsaved.remove(change.path)
    }

    /// A change happened that nobody asked to hear of.
    mutating func note(_ change: Change) {
        know(change)
        unsaved.insert(change.path)
    }

    /// A change was reported and refused for good: it is not tried again until the next start.
    mutating func giveUp(_ change: Change) { know(change) }

    /// Up to `limit` paths, with what is remembered of them, that the store does not know yet.
    func unsaved(limit: Int) -> [(path: FilePath, note: Note?)] {
        unsaved.prefix(limit).map { ($0, note(of: $0)) }
    }

    /// What is remembered of a path.
    func note(of path: FilePath) -> Note? { known[path].map { .there($0) } ?? gone[path].map { .gone($0.version) } }

    /// The store knows of these now.
    mutating func saved(_ paths: [FilePath]) { unsaved.subtract(paths) }

    private mutating func know(_ change: Change) {
        if change.kind == .deleted {
            known[change.path] = nil
            noteGone(change.path, change.version)
        } else {
            known[change.path] = change.version
            gone[change.path] = nil
            mostGone = max(mostGone, known.count)
        }
    }

    private mutating func noteGone(_ path: FilePath, _ version: FileVersion) {
        goneCount += 1
        gone[path] = (version, goneCount)
        goneOrder.append((path, goneCount))
        // Some at a time: to move the rest is work.
        guard goneOrder.count > mostGone + mostGone / 10 else { return }
        let excess = goneOrder.count - mostGone
        for entry in goneOrder.prefix(excess) where gone[entry.path]?.number == entry.number {
            gone[entry.path] = nil
            unsaved.insert(entry.path)
        }
        goneOrder.removeFirst(excess)
    }
}
