import GRDB
import GRDBSQLite

/// A database connection with the statements prepared on it.
final class Connection {
    /// Far more than the store's methods have; what lists and bulk commands make up by their filters is let go first.
    private static let maximumStatements = 200

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

    /// The statement for that text, prepared once, ready to be bound.
    func statement(_ sql: String) throws -> SQLStatement {
        if let statement = statements[sql] {
            // An error may have left it between two rows, where SQLite binds nothing.
            if statement.isBusy { statement.reset() }
            return statement
        }
        if statements.count >= Self.maximumStatements { statements = [:] }
        let statement = try SQLStatement(handle, sql)
        statements[sql] = statement
        return statement
    }

    /// The texts of the statements prepared so far.
    var preparedTexts: [String] { statements.keys.sorted() }

    /// Lets go of the statements, so that the connection can close.
    func finalizeStatements() { statements = [:] }
}
