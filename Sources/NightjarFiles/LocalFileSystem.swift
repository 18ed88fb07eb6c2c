#if os(Linux)
    import CFileSystems

    /// File systems whose files no other machine writes to, and whose leases are the kernel's own.
    enum LocalFileSystem {
        /// By `f_type` of fstatfs(2): ext2 to ext4, XFS, Btrfs, F2FS, bcachefs, ZFS, tmpfs, ramfs, overlayfs,
        /// JFS, ReiserFS, NILFS, eCryptfs, FAT, exFAT, NTFS.
        private static let types: Set<UInt32> = [
            0xEF53, 0x5846_5342, 0x9123_683E, 0xF2F5_2010, 0xCA45_1A4E, 0x2FC1_2FC1, 0x0102_1994, 0x8584_58F6,
            0x794C_7630, 0x3153_464A, 0x5265_4973, 0x3434, 0xF15F, 0x4D44, 0x2011_BAB0, 0x7366_746E,
        ]

        /// Whether an open file lies on one.
        static func holds(_ descriptor: Int32) -> Bool {
            types.contains(UInt32(truncatingIfNeeded: nightjar_file_system_type(descriptor)))
        }
    }
#endif
