#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Looks at the files of a watched folder. Symbolic links in it are not followed. Every call here may wait for the disk.
struct Folder: Sendable {
    /// What makes a folder the same one.
    struct Identity: Sendable, Hashable {
        let device: UInt64
        let inode: UInt64

        init(device: UInt64, inode: UInt64) {
            self.device = device
            self.inode = inode
        }

        fileprivate init(of status: stat) {
            self.init(device: UInt64(truncatingIfNeeded: status.st_dev), inode: UInt64(status.st_ino))
        }
    }

    let options: FilesOptions
    private let match: [FilePattern]
    private let ignore: [FilePattern]

    init(_ options: FilesOptions) {
        self.options = options
        match = options.match.map(FilePattern.init)
        ignore = options.ignore.map(FilePattern.init)
    }

    /// Whether the file at `path` is one that is watched.
    func isWanted(_ path: FilePath) -> Bool {
        let names = path.names[...]
        return (options.recursive || names.count == 1) && (match.isEmpty || match.contains { $0.matches(names) })
            && !isIgnored(names)
    }

    /// Whether the file or folder at `path`, or a folder that it lies in, is left alone.
    func isIgnored(_ path: FilePath) -> Bool { isIgnored(path.names[...]) }

    private func isIgnored(_ names: ArraySlice<[Character]>) -> Bool {
        names.indices.contains { last in ignore.contains { $0.matches(names[...last]) } }
    }

    /// The bytes of a path, ended by NUL, for the system.
    func systemPath(_ path: FilePath) -> [CChar] {
        var bytes = Array(options.path.utf8)
        if !path.isRoot { bytes += [UInt8(ascii: "/")] + path.bytes }
        return bytes.map { CChar(bitPattern: $0) } + [0]
    }

    /// Which folder it is that is watched.
    /// - Throws: ``FilesError`` if there is none.
    func identity() throws -> Identity {
        var status = stat()
        guard stat(systemPath(.root), &status) == 0 else { throw FilesError.folder(options.path, errno) }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw FilesError.folder(options.path, ENOTDIR) }
        return Identity(of: status)
    }

    /// Looks at one file.
    func look(at path: FilePath) -> FileLook {
        var status = stat()
        guard lstat(systemPath(path), &status) == 0 else { return Self.failedLook(errno) }
        return FileVersion(status).map { .file($0) } ?? .absent
    }

    private static func failedLook(_ code: Int32) -> FileLook {
        [ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG].contains(code) ? .absent : .unknown(errno: code)
    }
}

extension Folder {
    /// Looks at every watched file in `places`, which are folders, and below.
    /// - Parameter onFolder: called with each folder before its files are listed, so that a watch on it misses none.
    func scan(
        _ places: [FilePath] = [.root], onFolder: (FilePath) throws -> Void = { _ in }
    ) throws -> FolderScan {
        var scan = FolderScan()
        var folders = places.filter { $0.isRoot || (options.recursive && !isIgnored($0)) }
        while let folder = folders.popLast() {
            do {
                try onFolder(folder)
            } catch let error as FilesError {
                guard case .subfolder(let code) = error.code, !folder.isRoot else { throw error }
                if case .unknown = Self.failedLook(code) { scan.unread[folder] = code }
                continue
            }
            let code = try list(folder, &scan, &folders)
            if code == 0 { continue }
            if folder.isRoot { throw FilesError.folder(options.path, code) }
            if case .unknown = Self.failedLook(code) { scan.unread[folder] = code }
        }
        return scan
    }

    /// Adds the files of one folder to `scan`, and the folders in it to `folders`.
    /// - Returns: the system's error, or 0.
    private func list(_ folder: FilePath, _ scan: inout FolderScan, _ folders: inout [FilePath]) throws -> Int32 {
        let flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | (folder.isRoot ? 0 : O_NOFOLLOW)
        let descriptor = open(systemPath(folder), flags)
        guard descriptor >= 0 else { return errno }
        guard let directory = fdopendir(descriptor) else {
            let code = errno
            close(descriptor)
            return code
        }
        defer { closedir(directory) }
        if folder.isRoot {
            var status = stat()
            guard fstat(descriptor, &status) == 0 else { return errno }
            scan.root = Identity(of: status)
            #if os(Linux)
                scan.tellsWriters = LocalFileSystem.holds(descriptor)
            #endif
        }
        while true {
            errno = 0
            guard let entry = readdir(directory) else { return errno }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
            if name == [UInt8(ascii: ".")] || name == Array("..".utf8) { continue }
            let path = folder.appending(name)
            var status = stat()
            guard fstatat(descriptor, name.map { CChar(bitPattern: $0) } + [0], &status, AT_SYMLINK_NOFOLLOW) == 0
            else {
                let code = errno
                if case .unknown = Self.failedLook(code) { scan.unread[path] = code }
                continue
            }
            if status.st_mode & S_IFMT == S_IFDIR {
                if options.recursive, !isIgnored(path) { folders.append(path) }
            } else if let version = FileVersion(status), isWanted(path) {
                scan.found[path] = version
                guard scan.found.count <= options.maximumFiles else { throw FilesError.tooManyFiles(options) }
            }
        }
    }
}

extension Folder {
    /// Whether a program has a file open for writing.
    ///
    /// Asked of the system by taking a read lease and giving it back (fcntl(2), "Leases"): there is none to be had on a
    /// file that somebody writes to. The system grants them to a file's owner and to those with `CAP_LEASE`, on file systems
    /// that have them. In that moment, who opens the file for writing waits, or gets EAGAIN with O_NONBLOCK.
    func writers(of path: FilePath) -> UnsettledFile.Writers {
        #if os(Linux)
            // Macros and constants that Swift does not see.
            let (setSignal, setLease, urgent) = (Int32(10), Int32(1024), Int32(23))
            let descriptor = open(systemPath(path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
            // Somebody else's lease stands in the way of opening it.
            guard descriptor >= 0 else { return errno == EAGAIN ? .some : .unknown }
            defer { close(descriptor) }
            // Others refuse leases for reasons of their own, and don't know who writes on another machine.
            guard LocalFileSystem.holds(descriptor) else { return .unknown }
            // Who opens the file for writing in this moment waits until the lease is given back, and the system tells us by a
            // signal: by one that does nothing, instead of SIGIO, which would end the process.
            guard fcntl(descriptor, setSignal, urgent) == 0 else { return .unknown }
            guard fcntl(descriptor, setLease, F_RDLCK) == 0 else { return errno == EAGAIN ? .some : .unknown }
            // Closing it would do the same, if this failed.
            _ = fcntl(descriptor, setLease, F_UNLCK)
            return .none
        #else
            return .unknown
        #endif
    }
}

extension Folder {
    /// The content of a file.
    enum Content: Sendable {
        /// None was asked for: the file is gone.
        case none
        case bytes([UInt8])
        /// It is longer than the limit.
        case tooLong
        /// The system does not let us read it.
        case unreadable(errno: Int32)
        /// Another version is there by now, or none.
        case superseded
    }

    /// How many bytes ``content(of:_:)`` will read.
    func contentBytes(_ version: FileVersion) -> Int {
        version.sizeBytes <= options.contentLimitBytes ? Int(version.sizeBytes) : 0
    }

    /// Reads a file and makes sure that it was not written to meanwhile.
    func content(of path: FilePath, _ version: FileVersion) -> Content {
        guard version.sizeBytes <= options.contentLimitBytes else {
            return look(at: path).version == version ? .tooLong : .superseded
        }
        // Without O_NONBLOCK, a FIFO that took the file's place would hold us until somebody writes to it.
        let descriptor = open(systemPath(path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else {
            let code = errno
            guard [EACCES, EPERM, EIO].contains(code), look(at: path).version == version else { return .superseded }
            return .unreadable(errno: code)
        }
        defer { close(descriptor) }
        func isCurrent() -> Bool {
            var status = stat()
            return fstat(descriptor, &status) == 0 && FileVersion(status) == version
        }
        guard isCurrent() else { return .superseded }
        var failure: Int32 = 0
        // One byte more than expected, to notice a file that grew.
        let capacity = Int(version.sizeBytes) + 1
        let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            while count < capacity {
                let part = read(descriptor, buffer.baseAddress?.advanced(by: count), capacity - count)
                if part < 0, errno == EINTR { continue }
                if part < 0 { failure = errno }
                if part <= 0 { return }
                count += part
            }
        }
        if failure != 0 { return .unreadable(errno: failure) }
        return isCurrent() && bytes.count == version.sizeBytes ? .bytes(bytes) : .superseded
    }
}
