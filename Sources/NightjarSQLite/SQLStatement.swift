import GRDB
import GRDBSQLite

/// A prepared statement, used through SQLite's C interface: what runs a hundred thousand times a second should bind bytes,
/// not boxed values. Lives and dies on the connection that made it.
final class SQLStatement {
    private let handle: OpaquePointer
    private let connection: OpaquePointer
    /// The first value that SQLite refused: the next step tells, for a value left out would be a value lost.
    private var refusal = SQLITE_OK

    /// Copied by SQLite at once, so the bytes need not outlive the call (`SQLITE_TRANSIENT`).
    private static let transient = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    init(_ connection: OpaquePointer, _ sql: String) throws {
        var handle: OpaquePointer?
        let code = sqlite3_prepare_v3(connection, sql, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &handle, nil)
        guard code == SQLITE_OK, let handle else {
            throw DatabaseError(
                resultCode: ResultCode(rawValue: sqlite3_extended_errcode(connection)),
                message: String(cString: sqlite3_errmsg(connection)), sql: sql)
        }
        self.handle = handle
        self.connection = connection
    }

    deinit { sqlite3_finalize(handle) }

    func bind(_ index: Int32, _ value: Int64) { note(sqlite3_bind_int64(handle, index, value)) }

    func bind(_ index: Int32, _ value: Int) { bind(index, Int64(value)) }

    func bind(_ index: Int32, _ value: Int64?) {
        if let value { bind(index, value) } else { bindNull(index) }
    }

    func bind(_ index: Int32, _ value: Double?) {
        if let value { note(sqlite3_bind_double(handle, index, value)) } else { bindNull(index) }
    }

    func bind(_ index: Int32, _ value: String) {
        var value = value
        value.withUTF8 { utf8 in
            utf8.withMemoryRebound(to: CChar.self) { text in
                // An empty buffer may have no address, and no address would bind NULL.
                note(
                    sqlite3_bind_text64(
                        handle, index, text.baseAddress ?? Self.empty, UInt64(text.count), Self.transient,
                        UInt8(SQLITE_UTF8)))
            }
        }
    }

    func bind(_ index: Int32, _ value: String?) {
        if let value { bind(index, value) } else { bindNull(index) }
    }

    func bind(_ index: Int32, _ value: [UInt8]?) {
        if let value { value.withUnsafeBytes { bind(index, $0) } } else { bindNull(index) }
    }

    func bind(_ index: Int32, _ bytes: UnsafeRawBufferPointer) {
        if bytes.isEmpty {
            note(sqlite3_bind_zeroblob(handle, index, 0))
        } else {
            note(sqlite3_bind_blob64(handle, index, bytes.baseAddress, UInt64(bytes.count), Self.transient))
        }
    }

    private func bindNull(_ index: Int32) { note(sqlite3_bind_null(handle, index)) }

    private func note(_ code: Int32) {
        if code != SQLITE_OK, refusal == SQLITE_OK { refusal = code }
    }

    nonisolated(unsafe) private static let empty: UnsafePointer<CChar> = {
        let pointer = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
        pointer.pointee = 0
        return UnsafePointer(pointer)
    }()

    /// Steps to the next row; `false` at the end, where the statement is ready to be bound again.
    func step() throws -> Bool {
        guard refusal == SQLITE_OK else { throw refused() }
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE:
            sqlite3_reset(handle)
            return false
        default:
            let error = error(sqlite3_extended_errcode(connection), String(cString: sqlite3_errmsg(connection)))
            sqlite3_reset(handle)
            throw error
        }
    }

    private func refused() -> DatabaseError {
        defer { reset() }
        return error(refusal, "a value could not be bound: \(String(cString: sqlite3_errstr(refusal)))")
    }

    private func error(_ code: Int32, _ message: String) -> DatabaseError {
        DatabaseError(
            resultCode: ResultCode(rawValue: code), message: message,
            sql: sqlite3_sql(handle).map { String(cString: $0) })
    }

    /// Runs a statement that answers no rows, and says how many it changed.
    @discardableResult
    func run() throws -> Int {
        while try step() {}
        return Int(sqlite3_changes(connection))
    }

    /// Leaves a statement before its last row, so that it can be bound again.
    func reset() {
        refusal = SQLITE_OK
        sqlite3_reset(handle)
    }

    /// Whether it stands between two rows.
    var isBusy: Bool { refusal != SQLITE_OK || sqlite3_stmt_busy(handle) != 0 }

    func int64(_ column: Int32) -> Int64 { sqlite3_column_int64(handle, column) }

    func int(_ column: Int32) -> Int { Int(sqlite3_column_int64(handle, column)) }

    func isNull(_ column: Int32) -> Bool { sqlite3_column_type(handle, column) == SQLITE_NULL }

    func optionalInt64(_ column: Int32) -> Int64? { isNull(column) ? nil : int64(column) }

    func double(_ column: Int32) -> Double { sqlite3_column_double(handle, column) }

    func text(_ column: Int32) -> String { optionalText(column) ?? "" }

    func optionalText(_ column: Int32) -> String? {
        guard let text = sqlite3_column_text(handle, column) else { return nil }
        let count = Int(sqlite3_column_bytes(handle, column))
        return String(decoding: UnsafeBufferPointer(start: text, count: count), as: UTF8.self)
    }

    func optionalBytes(_ column: Int32) -> [UInt8]? {
        isNull(column) ? nil : withBytes(column) { Array($0) }
    }

    /// The bytes, which are valid until the next step.
    func withBytes<Value>(_ column: Int32, _ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        let blob = sqlite3_column_blob(handle, column)
        return body(UnsafeRawBufferPointer(start: blob, count: Int(sqlite3_column_bytes(handle, column))))
    }
}
