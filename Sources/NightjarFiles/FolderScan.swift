/// What a look at a folder and the folders below found.
struct FolderScan: Sendable {
    /// Which folder was looked at, if the watched one itself was.
    var root: Folder.Identity?
    /// Whether the system may tell who writes to a file of that folder.
    var tellsWriters = false
    /// The files that are watched.
    var found: [FilePath: FileVersion] = [:]
    /// The folders and files that could not be looked at, with the system's error. They may be there or not.
    var unread: [FilePath: Int32] = [:]
}

/// What a look at one path found.
enum FileLook: Sendable {
    case file(FileVersion)
    /// Nothing, or nothing that is a regular file.
    case absent
    /// The system would not say.
    case unknown(errno: Int32)

    /// The version, if there is a file.
    var version: FileVersion? {
        if case .file(let version) = self { version } else { nil }
    }
}
