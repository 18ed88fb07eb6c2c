/// Knows which version of each file was reported, and decides what is to be reported next. No I/O.
struct FileLedger: Sendable {
    /// Something to report.
    struct Change: Sendable, Hashable {
        var path: FilePath
        var kind: FilesOptions.Kind
        /// The new version; for a deleted file the last one known.
        var version: FileVersion
    }

    private var known: [FilePath: FileVersion]

    /// A ledger of what was reported before.
    init(_ known: [FilePath: FileVersion] = [:]) {
        self.known = known
    }

    /// How many files are known.
    var count: Int { known.count }

    /// What a look at one path says: its version now, or that it is no regular file any more.
    func change(at path: FilePath, now version: FileVersion?) -> Change? {
        switch (known[path], version) {
        case (nil, nil): nil
        case (nil, let new?): Change(path: path, kind: .created, version: new)
        case (let old?, nil): Change(path: path, kind: .deleted, version: old)
        case (let old?, let new?): old == new ? nil : Change(path: path, kind: .changed, version: new)
        }
    }

    /// What a look at everything below `folder` says (`nil` for everything), in the order of the paths.
    func changes(_ found: [FilePath: FileVersion], below folder: FilePath?) -> [Change] {
        let prefix = folder.map { $0.text + "/" } ?? ""
        let gone = known.keys.filter { $0.text.hasPrefix(prefix) && found[$0] == nil }
        return (Array(found.keys) + gone).sorted { $0.text < $1.text }.compactMap { change(at: $0, now: found[$0]) }
    }

    /// A change was reported.
    mutating func record(_ change: Change) {
        known[change.path] = change.kind == .deleted ? nil : change.version
    }
}
