#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Why files cannot be watched.
struct FilesError: Error, Sendable, CustomStringConvertible {
    enum Code: Sendable, Hashable {
        /// The watched folder is not there, not a folder, or cannot be read.
        case folder
        /// A folder below cannot be watched; the others can.
        case subfolder(errno: Int32)
        /// The system allows no more watches. Polling needs none.
        case watchLimit
        /// More files than the options allow.
        case tooManyFiles
    }

    let code: Code
    /// What is wrong, for people.
    let description: String

    /// The watched folder at `path` is of no use.
    static func folder(_ path: String, _ code: Int32) -> FilesError {
        let text =
            switch code {
            case ENOENT: "the folder \(path) does not exist; it is watched as soon as it does"
            case ENOTDIR: "\(path) is not a folder: to watch one file, watch its folder and `match` its name"
            default: "the folder \(path) cannot be read: \(FilesError.text(code))"
            }
        return FilesError(code: .folder, description: text)
    }

    /// The watched folder at `path` is not the one any more that it was.
    static func gone(_ path: String) -> FilesError {
        FilesError(
            code: .folder,
            description: "the folder \(path) was removed, moved or replaced; it is watched again as soon as it is "
                + "there")
    }

    /// The watched folder at `path` is another one than before, and empty.
    static func empty(_ path: String) -> FilesError {
        FilesError(
            code: .folder,
            description:
                "the folder \(path) is empty, and another one than before: is its disk mounted? It is watched again "
                + "as soon as there is a file in it")
    }

    static func tooManyFiles(_ options: FilesOptions) -> FilesError {
        FilesError(
            code: .tooManyFiles,
            description: "there are more than \(options.maximumFiles) files in \(options.path): narrow `match`, or "
                + "raise `maximumFiles`")
    }

    /// What the system calls an error.
    static func text(_ code: Int32) -> String { String(cString: strerror(code)) }
}
