#if os(Linux)
    import CFileSystems

    /// File systems whose files no other machine writes to, and whose leases are the kernel's own.
    enum LocalFileSystem {
        /// By `f_type` of fstatfs(2): ext2 to ext4, XFS, Btrfs, F2FS, bcachefs, ZFS, tmpfs, ramfs, overlayfs.
        private static let types: Set<UInt32> = [
            0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0xCA45_1A4E, 0x2FC1_2FC1, 0x0102_1994, 0x8584_58F6,
            0x794C_7630,
        ]

        /// Whether an open file lies on one.
        static func holds(_ descriptor: Int32) -> Bool {
            types.contains(UInt32(truncatingIfNeeded: nightjar_file_system_type(descriptor)))
        }
    }
#endif
