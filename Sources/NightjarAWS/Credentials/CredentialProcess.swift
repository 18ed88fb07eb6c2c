import CloudEvents
import Subprocess

/// Credentials that a program writes to its standard output ("Process credential provider", AWS SDKs and Tools Reference
/// Guide).
struct CredentialProcess: Sendable {
    /// So long it may take.
    private static let timeLimit = Duration.seconds(60)

    let command: String

    func run() async throws(AWSError) -> AWSCredentials {
        let text: String
        do {
            text = try await output()
        } catch {
            throw AWSError(.credentials, "credential_process failed: \(error)", underlying: error)
        }
        return try CredentialsDocument.credentials(in: Array(text.utf8), from: "credential_process")
    }

    private func output() async throws -> String {
        try await withThrowingTaskGroup(of: String.self) { tasks in
            tasks.addTask { [command] in
                // What it writes to its errors may hold secrets, and is left out.
                let result = try await Subprocess.run(
                    .name("sh"), arguments: ["-c", command], output: .string(limit: 65_536), error: .discarded)
                guard result.terminationStatus.isSuccess else { throw Failure("\(result.terminationStatus)") }
                return result.standardOutput
            }
            tasks.addTask {
                try await ContinuousClock().sleep(for: Self.timeLimit)
                throw Failure("it took longer than \(Self.timeLimit)")
            }
            defer { tasks.cancelAll() }
            guard let output = try await tasks.next() else { throw Failure("it wrote nothing") }
            return output
        }
    }

    private struct Failure: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}
