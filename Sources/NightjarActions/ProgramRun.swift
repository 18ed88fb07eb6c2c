import Subprocess
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// One start of a program: feeds it, listens to it, stops it when asked to, and waits until it is reaped.
struct ProgramRun: Sendable {
    private typealias Running = Execution<CustomWriteInput, SequenceOutput, SequenceOutput>

    /// The most that a pipe can hold (Linux: /proc/sys/fs/pipe-max-size).
    private static let largestPipe = 1 << 20

    let executable: Executable
    let arguments: [String]
    let environment: [Environment.Key: String]
    let workingDirectory: FilePath?
    let grace: Duration
    let input: [UInt8]
    let output: CommandOutput

    /// Starts the program and waits for its end. Cancelling the task stops the program's process group.
    /// - Returns: how it ended, and whether it was stopped before.
    /// - Throws: `SubprocessError` if it could not be started or attended to.
    func run() async throws -> (status: TerminationStatus, wasStopped: Bool) {
        Self.ignoreBrokenPipes
        let (stops, stop) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingOldest(1))
        return try await withTaskCancellationHandler {
            // A task of its own, though waited for, because a cancelled task can neither read nor wait: what the program
            // writes during its grace is still to be kept, and its end to be awaited.
            try await Task { try await start(stops, stop) }.value
        } onCancel: {
            stop.yield()
        }
    }

    private func start(
        _ stops: AsyncStream<Void>, _ stop: AsyncStream<Void>.Continuation
    ) async throws -> (status: TerminationStatus, wasStopped: Bool) {
        var platform = PlatformOptions()
        platform.processGroupID = 0
        platform.teardownSequence = [.gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: grace)]
        let result = try await Subprocess.run(
            executable, arguments: Arguments(arguments), environment: .custom(environment),
            workingDirectory: workingDirectory, platformOptions: platform, input: .inputWriter, output: .sequence,
            error: .sequence
        ) { execution in
            let group = ProcessGroup(leader: execution.processIdentifier.value)
            return try await group.present { try await attend(execution, group, stops, stop) }
        }
        return (result.terminationStatus, result.closureResult)
    }

    /// Talks with the program until it has ended. It is not reaped before this returns.
    private func attend(
        _ execution: Running, _ group: ProcessGroup, _ stops: AsyncStream<Void>,
        _ stop: AsyncStream<Void>.Continuation
    ) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                for await _ in stops { return await group.stop(grace: grace) }
                return false
            }
            tasks.addTask {
                try await converse(execution, group)
                // Ends the other task, unless it is stopping the program: then that is waited for.
                stop.finish()
                return false
            }
            var wasStopped = false
            for try await hasStopped in tasks { wasStopped = wasStopped || hasStopped }
            return wasStopped
        }
    }

    private func converse(_ execution: Running, _ group: ProcessGroup) async throws {
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await feed(execution.standardInputWriter) }
            tasks.addTask { try await listen(execution.standardOutput, group) { output.appendOutput($0) } }
            tasks.addTask { try await listen(execution.standardError, group) { output.appendError($0) } }
            try await tasks.waitForAll()
        }
        await group.waitForEnd()
    }

    private func feed(_ writer: StandardInputWriter) async throws {
        do {
            _ = try await writer.write(input)
        } catch let error where error.underlyingError == .brokenPipe {
            // A program need not read its input.
        }
        try await writer.finish()
    }

    private func listen(
        _ stream: SubprocessOutputSequence, _ group: ProcessGroup, _ take: (UnsafeRawBufferPointer) -> Void
    ) async throws {
        var bytesAfterEnd = 0
        for try await chunk in stream {
            let count = chunk.withUnsafeBytes { bytes in
                take(bytes)
                return bytes.count
            }
            // The stream ends with the program when nothing is left to be read. What the program itself wrote fits the
            // pipe; if more comes, then from others that hold it open, maybe without end.
            guard bytesAfterEnd > 0 || group.hasEnded else { continue }
            bytesAfterEnd += count
            if bytesAfterEnd > Self.largestPipe { return }
        }
    }

    /// Writing to a program that has closed its input must give an error, not end this process. Programs that are started
    /// get the default back.
    private static let ignoreBrokenPipes: Void = {
        var action = sigaction()
        guard sigaction(SIGPIPE, nil, &action) == 0 else { return }
        #if os(Linux)
            let isDefault = action.__sigaction_handler.sa_handler == nil
        #else
            let isDefault = action.__sigaction_u.__sa_handler == nil
        #endif
        if isDefault { signal(SIGPIPE, SIG_IGN) }
    }()
}
