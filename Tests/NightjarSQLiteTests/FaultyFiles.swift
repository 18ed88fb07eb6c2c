import GRDB
import GRDBSQLite
import Synchronization

/// SQLite's way to the files (a "VFS"), which fails where a test wants it to: the n-th call that could fail, counted from
/// when it was armed, on files whose path begins as given. Files elsewhere are left alone.
final class FaultyFiles: Sendable {
    /// What goes wrong.
    enum Fault: String, Sendable, CaseIterable {
        /// One call fails with an I/O error.
        case once
        /// One write stops in the middle, with an I/O error.
        case torn
        /// From that call on everything fails: the disk is gone.
        case gone
        /// From that write on nothing more can be written: the disk is full.
        case full
    }

    fileprivate enum Operation: Sendable {
        case open, read, write, truncate, sync, size, map

        /// Whether a full disk shows in it.
        var takesRoom: Bool {
            switch self {
            case .write, .map: true
            default: false
            }
        }

        func code(_ fault: Fault) -> Int32 {
            let code: ResultCode =
                switch self {
                case .map: fault == .full ? .SQLITE_IOERR_SHMSIZE : .SQLITE_IOERR_SHMMAP
                case .write: fault == .full ? .SQLITE_FULL : .SQLITE_IOERR_WRITE
                case .open: .SQLITE_CANTOPEN
                case .read: .SQLITE_IOERR_READ
                case .truncate: .SQLITE_IOERR_TRUNCATE
                case .sync: .SQLITE_IOERR_FSYNC
                case .size: .SQLITE_IOERR_FSTAT
                }
            return code.rawValue
        }
    }

    private struct State {
        var path = ""
        var fault: Fault?
        var failsAt = 0
        var calls = 0
        var failures = 0
    }

    private static let state = Mutex(State())

    /// Fails the `number`-th call from now on that could fail.
    static func arm(_ fault: Fault, at number: Int, under path: String) {
        state.withLock { $0 = State(path: path, fault: fault, failsAt: number) }
    }

    /// Lets everything through again.
    /// - Returns: how many calls failed.
    @discardableResult
    static func disarm() -> Int {
        state.withLock { state in
            defer { state = State() }
            return state.failures
        }
    }

    /// The error of a call, if it is to fail.
    fileprivate static func failure(of operation: Operation, _ path: String?) -> (code: Int32, isTorn: Bool)? {
        state.withLock { state in
            guard let fault = state.fault, let path, path.hasPrefix(state.path) else { return nil }
            switch fault {
            case .torn: guard operation == .write else { return nil }
            case .full: guard operation.takesRoom else { return nil }
            case .once, .gone: break
            }
            state.calls += 1
            let fails = fault == .once || fault == .torn ? state.calls == state.failsAt : state.calls >= state.failsAt
            guard fails else { return nil }
            state.failures += 1
            return (operation.code(fault), fault == .torn)
        }
    }

    // MARK: The VFS

    /// Files opened from now on go through this, for as long as `body` takes.
    static func use<Value>(_ body: () async throws -> Value) async throws -> Value {
        guard let original = sqlite3_vfs_find(nil) else { throw SetUpError() }
        let vfs = UnsafeMutablePointer<sqlite3_vfs>.allocate(capacity: 1)
        let name = UnsafeMutablePointer<CChar>.allocate(capacity: 16)
        for (offset, byte) in ("nightjar-faulty".utf8CString).enumerated() { name[offset] = byte }
        vfs.pointee = original.pointee
        vfs.pointee.pNext = nil
        vfs.pointee.zName = UnsafePointer(name)
        vfs.pointee.szOsFile = Int32(FaultyFile.headerBytes) + original.pointee.szOsFile
        FaultyFile.original.withLock { $0 = .init(original) }
        vfs.pointee.xOpen = { _, path, file, flags, answeredFlags in
            FaultyFile.open(path, file, flags, answeredFlags)
        }
        guard sqlite3_vfs_register(vfs, 1) == SQLITE_OK else { throw SetUpError() }
        // What was opened through it may outlive this call, so its memory is never given back.
        defer {
            disarm()
            sqlite3_vfs_register(original, 1)
        }
        return try await body()
    }

    struct SetUpError: Error {}
}

/// A file of the VFS: its methods, its path, and after those the file of the original VFS.
private enum FaultyFile {
    struct Original: @unchecked Sendable {
        let vfs: UnsafeMutablePointer<sqlite3_vfs>
        init(_ vfs: UnsafeMutablePointer<sqlite3_vfs>) { self.vfs = vfs }
    }

    private struct Header {
        var file: sqlite3_file
        var path: UnsafePointer<CChar>?
    }

    static let headerBytes = (MemoryLayout<Header>.size + 15) & ~15
    static let original = Mutex<Original?>(nil)

    private typealias File = UnsafeMutablePointer<sqlite3_file>

    private static func header(_ file: File) -> UnsafeMutablePointer<Header> {
        UnsafeMutableRawPointer(file).assumingMemoryBound(to: Header.self)
    }

    private static func real(_ file: File) -> File {
        UnsafeMutableRawPointer(file).advanced(by: headerBytes).assumingMemoryBound(to: sqlite3_file.self)
    }

    private static func failure(_ file: File, _ operation: FaultyFiles.Operation) -> (code: Int32, isTorn: Bool)? {
        FaultyFiles.failure(of: operation, header(file).pointee.path.map { String(cString: $0) })
    }

    static func open(
        _ path: UnsafePointer<CChar>?, _ file: UnsafeMutablePointer<sqlite3_file>?, _ flags: Int32,
        _ answeredFlags: UnsafeMutablePointer<Int32>?
    ) -> Int32 {
        guard let file, let vfs = original.withLock({ $0 })?.vfs else { return SQLITE_MISUSE }
        header(file).pointee = Header(file: sqlite3_file(pMethods: nil), path: path)
        if let failure = failure(file, .open) { return failure.code }
        let result = vfs.pointee.xOpen(vfs, path, real(file), flags, answeredFlags)
        // SQLite closes a file that was not opened if it has methods.
        if real(file).pointee.pMethods != nil { file.pointee.pMethods = methods.pointer }
        return result
    }

    private struct Methods: @unchecked Sendable {
        let pointer: UnsafePointer<sqlite3_io_methods>
    }

    private static let methods: Methods = {
        let methods = UnsafeMutablePointer<sqlite3_io_methods>.allocate(capacity: 1)
        methods.initialize(to: sqlite3_io_methods())
        methods.pointee.iVersion = 2
        methods.pointee.xClose = { file in
            guard let file else { return SQLITE_MISUSE }
            let result = real(file).pointee.pMethods.pointee.xClose(real(file))
            file.pointee.pMethods = nil
            return result
        }
        methods.pointee.xRead = { file, bytes, count, offset in
            guard let file else { return SQLITE_MISUSE }
            if let failure = failure(file, .read) { return failure.code }
            return real(file).pointee.pMethods.pointee.xRead(real(file), bytes, count, offset)
        }
        methods.pointee.xWrite = { file, bytes, count, offset in
            guard let file else { return SQLITE_MISUSE }
            guard let failure = failure(file, .write) else {
                return real(file).pointee.pMethods.pointee.xWrite(real(file), bytes, count, offset)
            }
            if failure.isTorn { _ = real(file).pointee.pMethods.pointee.xWrite(real(file), bytes, count / 2, offset) }
            return failure.code
        }
        methods.pointee.xTruncate = { file, size in
            guard let file else { return SQLITE_MISUSE }
            if let failure = failure(file, .truncate) { return failure.code }
            return real(file).pointee.pMethods.pointee.xTruncate(real(file), size)
        }
        methods.pointee.xSync = { file, flags in
            guard let file else { return SQLITE_MISUSE }
            if let failure = failure(file, .sync) { return failure.code }
            return real(file).pointee.pMethods.pointee.xSync(real(file), flags)
        }
        methods.pointee.xFileSize = { file, size in
            guard let file else { return SQLITE_MISUSE }
            if let failure = failure(file, .size) { return failure.code }
            return real(file).pointee.pMethods.pointee.xFileSize(real(file), size)
        }
        methods.pointee.xShmMap = { file, region, size, extends, memory in
            guard let file else { return SQLITE_MISUSE }
            if let failure = failure(file, .map) { return failure.code }
            return real(file).pointee.pMethods.pointee.xShmMap(real(file), region, size, extends, memory)
        }
        passOn(methods)
        return Methods(pointer: UnsafePointer(methods))
    }()

    /// What never fails here.
    private static func passOn(_ methods: UnsafeMutablePointer<sqlite3_io_methods>) {
        methods.pointee.xLock = { file, level in
            guard let file else { return SQLITE_MISUSE }
            return FaultyFile.real(file).pointee.pMethods.pointee.xLock(FaultyFile.real(file), level)
        }
        methods.pointee.xUnlock = { file, level in
            guard let file else { return SQLITE_MISUSE }
            return FaultyFile.real(file).pointee.pMethods.pointee.xUnlock(FaultyFile.real(file), level)
        }
        methods.pointee.xCheckReservedLock = { file, answer in
            guard let file else { return SQLITE_MISUSE }
            return FaultyFile.real(file).pointee.pMethods.pointee.xCheckReservedLock(FaultyFile.real(file), answer)
        }
        methods.pointee.xFileControl = { file, operation, argument in
            guard let file else { return SQLITE_MISUSE }
            return FaultyFile.real(file).pointee.pMethods.pointee.xFileControl(
                FaultyFile.real(file), operation, argument)
        }
        methods.pointee.xSectorSize = { file in
            guard let file else { return 0 }
            return FaultyFile.real(file).pointee.pMethods.pointee.xSectorSize(FaultyFile.real(file))
        }
        methods.pointee.xDeviceCharacteristics = { file in
            guard let file else { return 0 }
            return FaultyFile.real(file).pointee.pMethods.pointee.xDeviceCharacteristics(FaultyFile.real(file))
        }
        methods.pointee.xShmLock = { file, offset, count, flags in
            guard let file else { return SQLITE_MISUSE }
            return FaultyFile.real(file).pointee.pMethods.pointee.xShmLock(FaultyFile.real(file), offset, count, flags)
        }
        methods.pointee.xShmBarrier = { file in
            guard let file else { return }
            FaultyFile.real(file).pointee.pMethods.pointee.xShmBarrier(FaultyFile.real(file))
        }
        methods.pointee.xShmUnmap = { file, deletes in
            guard let file else { return SQLITE_MISUSE }
            return FaultyFile.real(file).pointee.pMethods.pointee.xShmUnmap(FaultyFile.real(file), deletes)
        }
    }
}
