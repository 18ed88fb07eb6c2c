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
    /// The newest ``statusChangedNanoseconds`` that a file at the path has had up to this one. No part of the version either.
    var newestNanoseconds: Int64 = .min
    /// How often a file came to the path that was no newer than one before it. With the folder that it is in, a file comes and
    /// goes without a trace: this tells such appearances apart. No part of the version either.
    var returns: Int64 = 0
    /// Whether this version is such a one.
    var isReturn = false
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

    /// Part of an event's id: the same for the same version at the same appearance only.
    var identity: String {
        "\(inode)-\(sizeBytes)-\(modifiedNanoseconds)-\(statusChangedNanoseconds)" + (isReturn ? "-\(returns)" : "")
    }

    /// The version as the one that comes to a path after `earlier` was there.
    func following(_ earlier: FileVersion) -> FileVersion {
        var version = self
        // Whatever is done to a file itself makes its inode newer. Of what was stored once it is not known how new it is.
        version.isReturn =
            earlier.newest == .min ? self == earlier : statusChangedNanoseconds <= earlier.newest
        version.returns = earlier.returns &+ (version.isReturn ? 1 : 0)
        version.newestNanoseconds = max(newest, earlier.newest)
        return version
    }

    var newest: Int64 { max(newestNanoseconds, statusChangedNanoseconds) }
}

extension FileVersion {
    /// The version as a source's state keeps it.
    var stored: String { "\(inode) \(sizeBytes) \(modifiedNanoseconds) \(newest) \(returns)" }

    init?(stored: some StringProtocol) {
        let parts = stored.split(separator: " ")
        // Three of them were stored once.
        guard parts.count == 3 || parts.count == 5, let inode = UInt64(parts[0]), let size = Int64(parts[1]),
            let modified = Int64(parts[2]), let newest = parts.count == 3 ? .min : Int64(parts[3]),
            let returns = parts.count == 3 ? 0 : Int64(parts[4])
        else { return nil }
        self.init(
            inode: inode, sizeBytes: size, modifiedNanoseconds: modified, statusChangedNanoseconds: .min,
            newestNanoseconds: newest, returns: returns)
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
