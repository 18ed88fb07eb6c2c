import CloudEvents
import HTTPTypes

/// Where a command on many goes on, as clients see it: after what, and when the command began. What came later is left alone,
/// so that it ends.
struct BulkCursor {
    /// After what the next page begins.
    var position: String
    /// When the first page was asked for.
    var startedAt: Timestamp

    init(_ position: String, startedAt: Timestamp) {
        self.position = position
        self.startedAt = startedAt
    }

    /// Reads the `cursor` of a request.
    init?(_ request: RequestReader) throws {
        guard let text = try request.query("cursor").last else { return nil }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, let microseconds = Int64(parts[1]) else { throw Self.unknown }
        self.init(String(parts[0]), startedAt: Timestamp(microsecondsSince1970: microseconds))
    }

    /// What is answered to a cursor that is none.
    static var unknown: Problem { Problem(.badRequest, "the cursor is not one that this API gave") }

    var text: String { "\(position).\(startedAt.microsecondsSince1970)" }
}
