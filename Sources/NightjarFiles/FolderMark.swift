/// Which folder the source's notes are about: they are of no use for another one.
struct FolderMark: Sendable, Hashable {
    /// The key under which it is remembered. No file has it: a path never begins with a slash.
    static let key = "//folder"

    var path: String
    var identity: Folder.Identity

    /// As it is remembered.
    var stored: [UInt8] { Array("\(identity.device) \(identity.inode) \(path)".utf8) }

    init(path: String, identity: Folder.Identity) {
        self.path = path
        self.identity = identity
    }

    init?(stored: [UInt8]) {
        let parts = String(decoding: stored, as: UTF8.self).split(separator: " ", maxSplits: 2)
        guard parts.count == 3, let device = UInt64(parts[0]), let inode = UInt64(parts[1]) else { return nil }
        self.init(path: String(parts[2]), identity: Folder.Identity(device: device, inode: inode))
    }
}
