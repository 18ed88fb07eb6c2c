import GRDB
import GRDBSQLite

/// A database connection with the statements prepared on it.
final class Connection {
    let database: Database
    private let handle: OpaquePointer
    private var statements: [String: SQLStatement] = [:]

    init(_ database: Database) throws {
        guard let handle = database.sqliteConnection else {
            throw DatabaseError(resultCode: .SQLITE_MISUSE, message: "the database is closed")
        }
        self.database = database
        self.handle = handle
    }

    /// The statement for that text, prepared once.
    func statement(_ sql: String) throws -> SQLStatement {
        if let statement = statements[sql] { return statement }
        let statement = try SQLStatement(handle, sql)
        statements[sql] = statement
        return statement
    }

    /// The rowid of the last row inserted.
    var lastInsertedRowID: Int64 { sqlite3_last_insert_rowid(handle) }

    /// Lets go of the statements, so that the connection can close.
    func finalizeStatements() { statements = [:] }
}
