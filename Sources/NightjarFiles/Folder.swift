import CloudEvents
import NightjarCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Looks at the files of a watched folder.
struct Folder: Sendable {
    let options: FilesOptions
    private let match: [FilePattern]
    private let ignore: [FilePattern]

    init(_ options: FilesOptions) {
        self.options = options
        match = options.match.map(FilePattern.init)
        ignore = options.ignore.map(FilePattern.init)
    }

    /// Whether the file's name makes it one that is watched.
    func isWanted(_ path: FilePath) -> Bool {
        (match.isEmpty || match.contains { $0.matches(path) }) && !ignore.contains { $0.matches(path) }
    }

    private func isIgnoredFolder(_ path: FilePath) -> Bool { ignore.contains { $0.matches(path) } }

    /// The bytes of a path, ended by NUL, for the system.
    func systemPath(_ path: FilePath?) -> [CChar] {
        var bytes = Array(options.path.utf8)
        if let path { bytes += [UInt8(ascii: "/")] + path.bytes }
        return bytes.map { CChar(bitPattern: $0) } + [0]
    }

    /// The version of the file at `path`; `nil` if no regular file is there. Symbolic links are not followed.
    func version(of path: FilePath) -> FileVersion? {
        var status = stat()
        guard lstat(systemPath(path), &status) == 0 else { return nil }
        return FileVersion(status)
    }

    /// Everything below `folder` that is watched.
    /// - Parameter onFolder: called with each folder before its files are listed, so that a watch on it misses none.
    func scan(
        _ folder: FilePath? = nil, onFolder: (FilePath?) throws -> Void = { _ in }
    ) throws -> [FilePath: FileVersion] {
        var found: [FilePath: FileVersion] = [:]
        var folders: [FilePath?] = [folder]
        while let next = folders.popLast() {
            do {
                try onFolder(next)
            } catch let error as FilesError where next != nil && error.isAboutOneFolder {
                continue
            }
            guard let names = list(next) else {
                if next == nil { throw FilesError.unreadable(options.path, errno) }
                continue
            }
            for name in names {
                let path = FilePath(text: (next.map { $0.text + "/" } ?? "") + FilePath(bytes: name).text)
                var status = stat()
                guard lstat(systemPath(path), &status) == 0 else { continue }
                if status.st_mode & S_IFMT == S_IFDIR {
                    if options.recursive, !isIgnoredFolder(path) { folders.append(path) }
                } else if isWanted(path), let version = FileVersion(status) {
                    found[path] = version
                    guard found.count <= options.maximumFiles else { throw FilesError.tooMany(options) }
                }
            }
        }
        return found
    }

    private func list(_ folder: FilePath?) -> [[UInt8]]? {
        guard let directory = opendir(systemPath(folder)) else { return nil }
        defer { closedir(directory) }
        var names: [[UInt8]] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                pointer.withMemoryRebound(to: UInt8.self, capacity: 256) { Array(UnsafeBufferPointer(start: $0, count: strlen($0))) }
            }
            if name != [UInt8(ascii: ".")], name != Array("..".utf8) { names.append(name) }
        }
        return names.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// The content of a file, if it is still of that version and no longer than the limit.
    enum Content {
        case bytes([UInt8])
        case tooLong
        /// Another version is there by now, or none: a newer notification will come.
        case superseded
    }

    /// Reads a file and makes sure that it was not written to meanwhile.
    func content(of path: FilePath, _ version: FileVersion) -> Content {
        guard version.sizeBytes <= options.contentLimitBytes else { return .tooLong }
        let descriptor = open(systemPath(path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard descriptor >= 0 else { return .superseded }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, FileVersion(status) == version else { return .superseded }
        var bytes = [UInt8](repeating: 0, count: Int(version.sizeBytes) + 1)
        var count = 0
        while count < bytes.count {
            let part = bytes.withUnsafeMutableBytes { read(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count) }
            if part < 0 && errno == EINTR { continue }
            if part <= 0 { break }
            count += part
        }
        guard fstat(descriptor, &status) == 0, FileVersion(status) == version, count == version.sizeBytes else {
            return .superseded
        }
        return .bytes(Array(bytes.prefix(count)))
    }
}

/// Why a folder cannot be watched.
struct FilesError: Error, CustomStringConvertible {
    var description: String
    var isAboutOneFolder = false
    var needsPolling = false

    static func unreadable(_ path: String, _ code: Int32) -> FilesError {
        FilesError(description: "cannot read the folder \(path): \(String(cString: strerror(code)))")
    }

    static func tooMany(_ options: FilesOptions) -> FilesError {
        FilesError(
            description: "there are more than \(options.maximumFiles) files in \(options.path): narrow `match`, or raise the limit")
    }
}
