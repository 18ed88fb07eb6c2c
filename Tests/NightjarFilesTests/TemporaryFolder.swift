import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// A folder that is removed when nobody uses it any more, and what tests do in it.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path =
            FileManager.default.temporaryDirectory.resolvingSymlinksInPath()
            .appendingPathComponent("nightjar-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func path(_ name: String) -> String { path + "/" + name }

    /// Writes a file as most programs do: open, write, close.
    func write(_ text: String, to name: String) throws {
        let file = try openFile(name)
        try file.write(contentsOf: Data(text.utf8))
        try file.close()
    }

    func openFile(_ name: String) throws -> FileHandle {
        let descriptor = open(path(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        try check(descriptor)
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    func makeFolder(_ name: String) throws {
        try FileManager.default.createDirectory(atPath: path(name), withIntermediateDirectories: true)
    }

    /// Renames as rename(2) does, over what is there.
    func move(_ name: String, to destination: String) throws {
        try check(rename(path(name), destination.hasPrefix("/") ? destination : path(destination)))
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path(name)) }

    /// Sets a file's time of modification to one long ago, as archives do when they are unpacked.
    func age(_ name: String, seconds: Int = 86_400) throws {
        let times = [
            timespec(tv_sec: time(nil) - seconds, tv_nsec: 0), timespec(tv_sec: time(nil) - seconds, tv_nsec: 0),
        ]
        try check(utimensat(AT_FDCWD, path(name), times, 0))
    }

    func check(_ result: Int32) throws {
        if result < 0 { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    }
}
