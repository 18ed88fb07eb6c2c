import CloudEvents

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What tells one version of a file from another: inode, size and time of modification.
struct FileVersion: Sendable, Hashable {
    var inode: UInt64
    var sizeBytes: Int64
    var modifiedNanoseconds: Int64
    /// When the inode was last changed: tells a file that was moved away and back from the one that was there before.
    /// No part of the version itself, else chmod(2) would make a new one.
    var statusChangedNanoseconds: Int64 = 0
    /// How many changes of the file at its path were seen before this version. No part of the version either.
    var changes: Int64 = 0
    /// Whether the file has more names than one. No part of the version either.
    var isLinked = false

    static func == (left: FileVersion, right: FileVersion) -> Bool {
        left.inode == right.inode && left.sizeBytes == right.sizeBytes
            && left.modifiedNanoseconds == right.modifiedNanoseconds
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(inode)
        hasher.combine(sizeBytes)
        hasher.combine(modifiedNanoseconds)
    }

    /// When the file was modified.
    var modified: Timestamp {
        min(max(Timestamp(microsecondsSince1970: modifiedNanoseconds / 1000), .distantPast), .distantFuture)
    }

    /// When the inode was last changed.
    var statusChanged: Timestamp {
        min(max(Timestamp(microsecondsSince1970: statusChangedNanoseconds / 1000), .distantPast), .distantFuture)
    }

    /// The version as one that took the place of another.
    func following(_ old: FileVersion) -> FileVersion {
        var version = self
        version.changes = old.changes &+ 1
        return version
    }

    /// Part of an event's id: the same for the same version at the same appearance only.
    var identity: String { "\(inode)-\(sizeBytes)-\(modifiedNanoseconds)-\(statusChangedNanoseconds)" }
}

extension FileVersion {
    /// The version as a source's state keeps it.
    var stored: [UInt8] {
        Array(("\(inode) \(sizeBytes) \(modifiedNanoseconds)" + (changes == 0 ? "" : " \(changes)")).utf8)
    }

    init?(stored: [UInt8]) {
        let parts = String(decoding: stored, as: UTF8.self).split(separator: " ")
        guard (3...4).contains(parts.count), let inode = UInt64(parts[0]), let size = Int64(parts[1]),
            let modified = Int64(parts[2]), let changes = parts.count == 3 ? 0 : Int64(parts[3])
        else { return nil }
        self.init(inode: inode, sizeBytes: size, modifiedNanoseconds: modified, changes: changes)
    }

    /// The version that stat(2) shows; `nil` for anything but a regular file.
    init?(_ status: stat) {
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        #if canImport(Darwin)
            let (modified, changed) = (status.st_mtimespec, status.st_ctimespec)
        #else
            let (modified, changed) = (status.st_mtim, status.st_ctim)
        #endif
        self.init(
            inode: UInt64(status.st_ino), sizeBytes: Int64(status.st_size),
            modifiedNanoseconds: Self.nanoseconds(modified), statusChangedNanoseconds: Self.nanoseconds(changed),
            isLinked: status.st_nlink > 1)
    }

    /// Some file systems hold any 64-bit second, and anybody may set it: it wraps around rather than traps. All that
    /// matters is that another time gives another number.
    private static func nanoseconds(_ time: timespec) -> Int64 {
        Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }
}
