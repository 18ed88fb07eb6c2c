import Foundation
import Logging
import Nightjar
import NightjarCore
import NightjarKafka
import Waiting

/// Runs a source as the engine does, starting it again when it fails, while `body` runs.
func consuming(_ options: KafkaOptions, _ intake: FakeIntake, _ body: () async throws -> Void) async throws {
    let source = try KafkaSource(options)
    let context = SourceContext(
        trigger: "orders", intake: intake, state: { intake.stored },
        health: { health in intake.state.change { $0.health.append(health) } },
        measure: { measure in intake.state.change { $0.measures.append(measure) } },
        time: SystemTimeSource(), logger: testLogger)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            while !Task.isCancelled {
                do { try await source.run(context) } catch {
                    if Task.isCancelled { return }
                    context.health(.failing("\(error)"))
                }
                try? await context.time.sleep(for: .milliseconds(20))
            }
        }
        intake.state.change { $0.isEnding = false }
        defer {
            group.cancelAll()
            intake.state.change { $0.isEnding = true }
        }
        do { try await body() } catch {
            // What is still held would keep the source from ending.
            intake.letGo()
            throw error
        }
    }
}

let testLogger: Logger = {
    let isLoud = ProcessInfo.processInfo.environment["NIGHTJAR_KAFKA_LOG"] != nil
    var logger = Logger(label: "test") { label in
        if isLoud { StreamLogHandler.standardError(label: label) } else { SwiftLogNoOpLogHandler() }
    }
    logger.logLevel = .debug
    return logger
}()
