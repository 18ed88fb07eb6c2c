/// Knows which version of each file was reported, and decides what is to be reported next. No I/O.
struct FileLedger: Sendable {
    /// Something that happened to a file.
    struct Change: Sendable, Hashable {
        var path: FilePath
        var kind: FilesOptions.Kind
        /// The new version; for a deleted file the last one known.
        var version: FileVersion
    }

    private var known: [FilePath: FileVersion]
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
    init(_ known: [FilePath: FileVersion] = [:], mark: FolderMark? = nil) {
        self.known = known
        self.mark = mark
        savedMark = mark
    }

    /// An empty ledger, in a store that has notes on another folder.
    init(stale: [String]) {
        known = [:]
        self.stale = stale
    }

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
        case (nil, let new?): Change(path: path, kind: .created, version: new)
        case (let old?, nil): Change(path: path, kind: .deleted, version: old)
        case (let old?, let new?): old == new ? nil : Change(path: path, kind: .changed, version: new)
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

    /// Up to `limit` paths, with what is known of them, that the store does not know yet.
    func unsaved(limit: Int) -> [(path: FilePath, version: FileVersion?)] {
        unsaved.prefix(limit).map { ($0, known[$0]) }
    }

    /// The store knows of these now.
    mutating func saved(_ paths: [FilePath]) { unsaved.subtract(paths) }

    private mutating func know(_ change: Change) {
        known[change.path] = change.kind == .deleted ? nil : change.version
    }
}
