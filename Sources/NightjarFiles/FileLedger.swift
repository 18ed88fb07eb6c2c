import CloudEvents

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

    /// The key under which the time of the last deletion is remembered.
    static let deletionKey = "//deleted"
    /// When a file was last seen to be gone. One that is older and appears now may be one that was there before.
    private(set) var lastDeletion: Timestamp?
    private var savedDeletion: Timestamp?
    /// The time of the last deletion, if the store does not know it.
    var unsavedDeletion: Timestamp? { lastDeletion == savedDeletion ? nil : lastDeletion }

    /// Which folder this is about.
    var mark: FolderMark?
    /// The mark that the store is known to have.
    private(set) var savedMark: FolderMark?
    /// Keys of notes on another folder, which the store is to drop.
    private(set) var stale: [String] = []

    /// A ledger of what was reported before.
    init(_ known: [FilePath: FileVersion] = [:], mark: FolderMark? = nil, lastDeletion: Timestamp? = nil) {
        self.known = known
        self.mark = mark
        self.lastDeletion = lastDeletion
        savedMark = mark
        savedDeletion = lastDeletion
    }

    /// An empty ledger, in a store that has notes on another folder.
    init(stale: [String]) {
        known = [:]
        self.stale = stale
    }

    /// The store has dropped the notes on another folder, and knows of this one and of its last deletion.
    mutating func settled(_ mark: FolderMark?, _ deletion: Timestamp?) {
        stale = []
        savedMark = mark
        if let deletion { savedDeletion = deletion }
    }

    /// Files were seen to be gone.
    mutating func noteDeletion(at now: Timestamp) { lastDeletion = max(lastDeletion ?? now, now) }

    /// What tells this appearance of a file, or this change of it, from every other one at its path. It is the same whoever
    /// reports it, and if it is reported again because nobody knows whether it was.
    func occurrence(of change: Change) -> String {
        switch change.kind {
        case .created:
            // With the folder that it is in, a file moves without a trace: then it is no newer than when it was gone.
            guard let lastDeletion, change.version.statusChanged <= lastDeletion else { return change.version.identity }
            return "\(change.version.identity)-\(lastDeletion.microsecondsSince1970)"
        case .changed: return "\(change.version.identity)-\(change.version.changes)"
        case .deleted: return "\((lastDeletion ?? .distantPast).microsecondsSince1970)"
        }
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
        case (let old?, let new?): old == new ? nil : Change(path: path, kind: .changed, version: new.following(old))
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
