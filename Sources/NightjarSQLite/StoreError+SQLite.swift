import GRDB
import NightjarCore

extension StoreError {
    /// What an error of SQLite asks the caller to do.
    init(_ error: any Error) {
        if let error = error as? StoreError {
            self = error
            return
        }
        guard let error = error as? DatabaseError else {
            self.init(error is CancellationError ? .transient : .permanent, "\(error)", underlying: error)
            return
        }
        let text = error.message ?? "\(error.resultCode)"
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_INTERRUPT, .SQLITE_NOMEM, .SQLITE_SCHEMA, .SQLITE_PROTOCOL:
            self.init(.transient, "the database is busy: \(text)", underlying: error)
        case .SQLITE_CONSTRAINT, .SQLITE_TOOBIG, .SQLITE_MISMATCH, .SQLITE_RANGE:
            self.init(.conflict, "the database refused a value: \(text)", underlying: error)
        case .SQLITE_FULL:
            self.init(.permanent, "the disk is full: \(text)", underlying: error)
        case .SQLITE_READONLY:
            self.init(.permanent, "the database cannot be written: \(text)", underlying: error)
        case .SQLITE_CORRUPT, .SQLITE_NOTADB:
            self.init(.permanent, "the database file is damaged or not a database: \(text)", underlying: error)
        default:
            self.init(.permanent, "the database failed: \(text) (\(error.extendedResultCode))", underlying: error)
        }
    }
}
