import CloudEvents

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// What tells one version of a file from another.
struct FileVersion: Sendable, Hashable {
    var inode: UInt64
    var sizeBytes: Int64
    var modifiedNanoseconds: Int64

    /// The version as a source's state keeps it.
    var stored: [UInt8] { Array("\(inode) \(sizeBytes) \(modifiedNanoseconds)".utf8) }

    init?(stored: [UInt8]) {
        let parts = String(decoding: stored, as: UTF8.self).split(separator: " ")
        guard parts.count == 3, let inode = UInt64(parts[0]), let size = Int64(parts[1]), let modified = Int64(parts[2])
        else { return nil }
        self.init(inode: inode, sizeBytes: size, modifiedNanoseconds: modified)
    }

    init(inode: UInt64, sizeBytes: Int64, modifiedNanoseconds: Int64) {
        self.inode = inode
        self.sizeBytes = sizeBytes
        self.modifiedNanoseconds = modifiedNanoseconds
    }

    /// The version that stat(2) shows; `nil` for anything but a regular file.
    init?(_ status: stat) {
        guard status.st_mode & S_IFMT == S_IFREG else { return nil }
        #if canImport(Darwin)
            let time = status.st_mtimespec
        #else
            let time = status.st_mtim
        #endif
        self.init(
            inode: UInt64(status.st_ino), sizeBytes: Int64(status.st_size),
            modifiedNanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    /// When the file was modified.
    var modified: Timestamp { Timestamp(microsecondsSince1970: modifiedNanoseconds / 1000) }

    /// Text that is the same for the same version only.
    var identity: String { "\(inode)-\(sizeBytes)-\(modifiedNanoseconds)" }
}
