import Foundation
import NightjarCore
import Testing
import Waiting

@testable import NightjarActions

@Suite("A command: its end, and how it is stopped")
struct CommandStopTests {
    let workshop: Workshop

    init() throws {
        workshop = try Workshop()
    }

    /// Starts a command, waits until it has written the file `pid`, cancels it, and answers how it ended.
    private func stopped(_ action: CommandAction, input: [UInt8] = []) async throws -> (RunFailure, pid_t) {
        let context = RunContext.test(input)
        return try await withThrowingTaskGroup(of: RunFailure.self) { group in
            group.addTask { try await failure(of: action, context) }
            let pid = try await workshop.process(in: "pid")
            group.cancelAll()
            return (try #require(await group.next()), pid)
        }
    }

    @Test("a program that is stopped gets SIGTERM, and what it writes then is kept")
    func terminate() async throws {
        let action = try workshop.command(
            "trap 'echo cleaning up; exit 0' TERM; echo working; echo $$ > pid; while :; do sleep 0.01; done")
        let (failure, pid) = try await stopped(action)
        #expect(failure.message == "stopped: exit code 0")
        // The shell itself may add a word on its child, which gets the signal too.
        let lines = failure.text.split(separator: "\n")
        #expect(lines.filter { $0 != "Terminated" } == ["working", "cleaning up"])
        #expect(!exists(pid))
    }

    @Test("a program that heeds nothing gets SIGKILL after the grace, not before")
    func kill() async throws {
        let clock = ContinuousClock()
        let action = try workshop.command("trap '' TERM; echo $$ > pid; while :; do sleep 0.01; done") {
            $0.grace = .milliseconds(300)
        }
        let start = clock.now
        let (failure, pid) = try await stopped(action)
        #expect(failure.message == "stopped: killed by SIGKILL (9)")
        #expect(clock.now - start >= .milliseconds(300))
        #expect(!exists(pid))
    }

    @Test("a program that ends on SIGTERM does not wait for the grace")
    func prompt() async throws {
        let clock = ContinuousClock()
        let action = try workshop.command("echo $$ > pid; exec sleep 1000") { $0.grace = .seconds(600) }
        let start = clock.now
        let (failure, pid) = try await stopped(action)
        #expect(failure.message == "stopped: killed by SIGTERM (15)")
        #expect(clock.now - start < .seconds(60))
        #expect(!exists(pid))
    }

    @Test("what a program started ends with it")
    func group() async throws {
        let action = try workshop.command("sleep 1000 & sleep 1000 > /dev/null & echo $! > child; echo $$ > pid; wait")
        let (_, pid) = try await stopped(action)
        let child = try await workshop.process(in: "child")
        #expect(!exists(pid))
        try await eventually("the child's end") { !isAlive(child) }
    }

    @Test("what a program started and heeds nothing is killed after the grace, though the program itself has ended")
    func stubbornChild() async throws {
        let body =
            "(trap '' TERM; echo ready > ready; while :; do sleep 0.01; done) > /dev/null & echo $! > child; until [ -e ready ]; do sleep 0.01; done; echo $$ > pid; wait"
        let action = try workshop.command(body) { $0.grace = .milliseconds(300) }
        let (failure, _) = try await stopped(action)
        #expect(failure.message == "stopped: killed by SIGTERM (15)")
        let child = try await workshop.process(in: "child")
        try await eventually("the child's end") { !isAlive(child) }
    }

    @Test("what a program started has the grace to end well, though the program itself ends at once")
    func gentleChild() async throws {
        let body =
            "(trap 'sleep 1; echo bye > bye; exit' TERM; echo > ready; while :; do sleep 0.01; done) > /dev/null & until [ -e ready ]; do sleep 0.01; done; echo $$ > pid; wait"
        let action = try workshop.command(body) { $0.grace = .seconds(600) }
        let (failure, _) = try await stopped(action)
        #expect(failure.message == "stopped: killed by SIGTERM (15)")
        #expect(workshop.read("bye") == "bye\n")
    }

    @Test("a program that does not read a large input can be stopped")
    func blockedInput() async throws {
        let action = try workshop.command("echo $$ > pid; exec sleep 1000")
        let (failure, _) = try await stopped(action, input: [UInt8](repeating: 0, count: 4 << 20))
        #expect(failure.message == "stopped: killed by SIGTERM (15)")
    }

    @Test("a program that has closed its output is waited for, and can be stopped")
    func closedOutput() async throws {
        let quiet = try workshop.command("exec >&- 2>&-; sleep 0.3; echo > done; exit 4")
        #expect(try await failure(of: quiet).message == "exit code 4")
        #expect(workshop.exists("done"))
        let stubborn = try workshop.command("exec >&- 2>&-; echo $$ > pid; exec sleep 1000")
        let (failure, pid) = try await stopped(stubborn)
        #expect(failure.message == "stopped: killed by SIGTERM (15)")
        #expect(!exists(pid))
    }

    @Test("a run that is cancelled before it begins starts nothing")
    func cancelledBefore() async throws {
        let action = try workshop.command("echo > started")
        await withTaskGroup(of: Void.self) { group in
            group.cancelAll()
            group.addTask {
                await #expect(throws: CancellationError.self) { try await action.run(.test()) }
            }
        }
        #expect(!workshop.exists("started"))
    }

    @Test("a child that holds the output open does not keep the run, and is left alone")
    func inheritedOutput() async throws {
        let clock = ContinuousClock()
        let start = clock.now
        let output = try await workshop.command("sleep 1000 & echo $! > child; echo done").run(.test())
        #expect(output.text == "done\n")
        #expect(clock.now - start < .seconds(60))
        let child = try await workshop.process(in: "child")
        #expect(isAlive(child))
        Foundation.kill(child, SIGKILL)
    }

    @Test("a child that writes without end does not keep the run either")
    func endlessChild() async throws {
        let action = try workshop.command("yes & echo $! > child; sleep 0.05; exit 5")
        #expect(try await failure(of: action).message.hasPrefix("exit code 5"))
        let child = try await workshop.process(in: "child")
        Foundation.kill(child, SIGKILL)
    }

    @Test("everything that a program wrote is kept, however quickly it ends after that")
    func lastBytes() async throws {
        let bytes = [UInt8](repeating: 0x78, count: 60_000)
        try workshop.write(bytes, to: "data")
        let action = try workshop.command("cat data; echo end") { $0.outputLimitBytes = 1 << 20 }
        for _ in 0..<20 {
            #expect(try await action.run(.test()).output == bytes + Array("end\n".utf8))
        }
    }

    #if os(Linux)
        @Test("neither processes nor file descriptors are left behind")
        func leaks() async throws {
            let fine = try workshop.command("echo $$ > pid; cat")
            let missing = try CommandAction(["./absent"], options: .init(workingDirectory: workshop.path))
            let lost = try CommandAction(["true"], options: .init(workingDirectory: "/absent"))
            _ = try await fine.run(.test())
            let before = try Self.descriptors()
            for _ in 0..<50 {
                _ = try await fine.run(.test([1, 2, 3]))
                let pid = try await workshop.process(in: "pid")
                #expect(!exists(pid))
                _ = try await failure(of: missing)
                _ = try await failure(of: lost)
            }
            for _ in 0..<20 {
                try FileManager.default.removeItem(atPath: workshop.path + "/pid")
                _ = try await stopped(workshop.command("echo $$ > pid; exec sleep 1000"))
            }
            // Other tests have commands of their own at the same time.
            try await eventually("no more pipes than before") { try Self.descriptors() <= before }
        }

        /// How many pipes and process descriptors this process has open.
        private static func descriptors() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").filter { name in
                let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)")
                return target.map { $0.hasPrefix("pipe:") || $0.contains("pidfd") } ?? false
            }.count
        }
    #endif
}
