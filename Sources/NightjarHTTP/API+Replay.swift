import CloudEvents
import HTTPTypes
import Hummingbird
import NightjarCore

extension API {
    /// Decides again on a page of kept events.
    func replay(_ request: RequestReader) async throws -> Response {
        let cursor = try BulkCursor(request)
        let after = try cursor.map { cursor -> Int64 in
            guard let sequence = Int64(cursor.position) else { throw BulkCursor.unknown }
            return sequence
        }
        let startedAt = cursor?.startedAt ?? node.time.now
        var replay = ReplayRequest()
        replay.trigger = try request.query("trigger").last
        replay.filter = EventFilter(types: try request.query("type"), sources: try request.query("source"))
        replay.acceptedFrom = try request.time("since")
        replay.acceptedUntil = min(startedAt, try request.time("until") ?? startedAt)
        replay.includesMatched = try request.flag("all")
        replay.isDryRun = try request.flag("dryRun")
        if let when = try request.query("when").last {
            do throws(ReplayRequest.Mistake) { replay.when = try ReplayRequest.condition(when) } catch {
                throw Problem(.badRequest, "the query parameter when: \(error)")
            }
        }
        let limit = try request.number("limit", in: 1...1000, default: 500)
        let page = try await node.replay(replay, after: after, limit: limit)
        let next = page.next.map { BulkCursor("\($0)", startedAt: startedAt).text }
        return .json { $0.replay(page.report, isDryRun: replay.isDryRun, next: next) }
    }
}

extension RequestReader {
    /// A time, if it is given.
    func time(_ name: String) throws -> Timestamp? {
        guard let text = try query(name).last else { return nil }
        guard let time = Timestamp(rfc3339: text) else {
            throw Problem(
                .badRequest,
                "the query parameter \(name) is \"\(text)\"; expected a timestamp such as 2026-01-31T08:00:00Z")
        }
        return time
    }

    /// Whether something is wanted; by default it is not.
    func flag(_ name: String) throws -> Bool {
        switch try query(name).last {
        case nil, "false": return false
        case "true": return true
        case let text?:
            throw Problem(.badRequest, "the query parameter \(name) is \"\(text)\"; expected true or false")
        }
    }
}
