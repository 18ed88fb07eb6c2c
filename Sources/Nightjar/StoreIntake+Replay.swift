import CloudEvents
import Expressions
import NightjarCore

extension StoreIntake {
    /// How many events a page of a replay may have.
    static let mostReplayed = 1000

    /// Decides again on kept events, a page at a time: what that changes is one transaction.
    func replay(_ request: ReplayRequest, after cursor: Int64?, limit: Int) async throws(IntakeError) -> ReplayPage {
        let planner = planner
        if let trigger = request.trigger, planner.triggers[trigger] == nil {
            throw IntakeError(.unknownTrigger, "there is no trigger \"\(trigger)\"")
        }
        let found: [EventRecord]
        do {
            found = try await store.events(
                EventQuery(
                    isUnmatched: !request.includesMatched, filter: request.filter,
                    acceptedFrom: request.acceptedFrom, acceptedUntil: request.acceptedUntil, after: cursor ?? 0,
                    limit: min(max(1, limit), Self.mostReplayed)))
        } catch { throw Self.failed(error) }
        let now = time.now
        var report = ReplayReport()
        var plans: [(event: String, plan: ReplayPlan)] = []
        for stored in found {
            do {
                if let when = request.when, try !when.test([.object(EventValue(stored.event))]) { continue }
            } catch {
                report.events += 1
                report.noteUnasked("the condition has no answer: \(error)", event: stored.event.id)
                continue
            }
            report.events += 1
            let plan = planner.replan(stored, only: request.trigger, now: now) { makeID(now) }
            plans.append((stored.event.id, plan))
        }
        let records = plans.flatMap(\.plan.records)
        var made: Set<RunID>?
        if !request.isDryRun, !records.isEmpty { made = try await take(records) }
        for (event, plan) in plans { Self.note(plan, of: event, made: made, in: &report) }
        return ReplayPage(report: report, next: found.last?.sequence)
    }

    private static func failed(_ error: StoreError) -> IntakeError {
        IntakeError(
            .store, "the store did not answer: \(error.message)", retryAfter: .seconds(1), underlying: error)
    }

    /// The runs that were made: others may have been quicker, or the event is kept no longer.
    private func take(_ records: [IntakeRecord]) async throws(IntakeError) -> Set<RunID> {
        let bytes = records.reduce(0) { $0 + ($1.event.data?.count ?? 0) }
        try enter(count: records.count, bytes: bytes)
        defer { leave(count: records.count, bytes: bytes) }
        let answers: [Acceptance]
        do { answers = try await store.accept(records) } catch { throw Self.failed(error) }
        announce(records, answers)
        return Set(answers.flatMap(\.runs))
    }

    private static func note(
        _ plan: ReplayPlan, of event: String, made: Set<RunID>?, in report: inout ReplayReport
    ) {
        if let reason = plan.reason { report.noteUnasked(reason, event: event) }
        var runs = 0
        for answer in plan.answers {
            let wanted = plan.records.flatMap(\.runs).filter { $0.trigger == answer.trigger }
            let own = wanted.filter { made?.contains($0.id) ?? true }
            if own.isEmpty {
                // The store has the last word: a rate may be used up, or another was quicker.
                let reason = answer.reason ?? "the store made no run; \"nightjar why\" tells more"
                report.noteRefusal(answer.trigger, reason, event: event)
            } else {
                report.noteStart(answer.trigger, jobs: own.map(\.job))
            }
            runs += own.count
        }
        report.runs += runs
        if runs > 0 { report.started += 1 }
    }
}
