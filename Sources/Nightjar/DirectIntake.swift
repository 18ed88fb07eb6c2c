import NightjarCore

/// The door of a trigger with direct delivery: it opens when the handlers have ended.
struct DirectIntake: Intake {
    let trigger: String
    let runner: DirectRunner

    func accept(_ batch: [IncomingEvent]) async throws(IntakeError) -> [Acceptance] {
        try await runner.accept(batch, trigger: trigger)
    }
}
