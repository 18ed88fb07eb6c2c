import CloudEvents
import Foundation
import NightjarCore
import Testing
import Waiting

@testable import NightjarActions

@Suite("A command: input, output and exit codes")
struct CommandRunTests {
    let workshop: Workshop

    init() throws {
        workshop = try Workshop()
    }

    @Test("the event's data is the standard input, byte for byte")
    func input() async throws {
        let bytes: [UInt8] = [0, 0xFF, 0xC3, 0x28, 0x0D, 0x0A, 0x1A, 0] + Array("{\"a\": 1.0 }".utf8)
        let output = try await CommandAction(["cat"]).run(.test(bytes))
        #expect(output.output == bytes)
    }

    @Test("without data the standard input is empty")
    func noInput() async throws {
        let event = Event(id: "1", source: "/s", type: "t")
        #expect(try await workshop.command("wc -c").run(.test(event: event)).text.contains("0"))
    }

    @Test("ten megabytes go in and come out at once")
    func largeInputAndOutput() async throws {
        let bytes = manyBytes(10 << 20)
        let action = try CommandAction(["cat"], options: .init(outputLimitBytes: 11 << 20))
        let output = try await action.run(.test(bytes))
        #expect(output.output == bytes)
    }

    @Test(
        "a program that does not read its input is no failure",
        arguments: ["true", "exec 0<&-; echo closed", "head -c 1"])
    func unreadInput(body: String) async throws {
        let output = try await workshop.command(body).run(.test([UInt8](repeating: 0x61, count: 2 << 20)))
        #expect(["", "closed\n", "a"].contains(output.text))
    }

    @Test("arguments arrive as they are, no shell looks at them")
    func arguments() async throws {
        let program = try workshop.script("for a in \"$@\"; do printf '[%s]' \"$a\"; done")
        let arguments = [
            "a b", "", "'", "\"", "$(touch x)", "`touch x`", "; touch x", "*", "$HOME", "a\nb", "--", "ü€", "\\",
        ]
        let action = try CommandAction([program] + arguments, options: .init(workingDirectory: workshop.path))
        #expect(try await action.run(.test()).text == arguments.map { "[\($0)]" }.joined())
        #expect(!workshop.exists("x"))
    }

    @Test("standard output and standard error are kept together")
    func bothOutputs() async throws {
        let output = try await workshop.command("echo one; echo two >&2").run(.test())
        #expect(Set(output.text.split(separator: "\n")) == ["one", "two"])
    }

    @Test("output that is not UTF-8 is kept as it is, also of a failure")
    func invalidText() async throws {
        let bytes: [UInt8] = [0xFF, 0xFE, 0x00, 0xC3, 0x28]
        #expect(try await workshop.command("printf '\\377\\376\\000\\303\\050'").run(.test()).output == bytes)
        let failure = try await failure(of: workshop.command("printf '\\377\\376\\000\\303\\050' >&2; exit 1"))
        #expect(failure.output == bytes)
        #expect(failure.message.hasPrefix("exit code 1: "))
    }

    @Test("of a long output the beginning and the end are kept, and it is said what is missing")
    func outputLimit() async throws {
        let action = try workshop.command("echo first; head -c 100000 /dev/zero | tr '\\0' x; echo; echo last") {
            $0.outputLimitBytes = 1000
        }
        let text = try await action.run(.test()).text
        #expect(text.hasPrefix("first\nxxx") && text.hasSuffix("xxx\nlast\n"))
        let mark = "\n… \(100_012 - 1000) bytes left out …\n"
        #expect(text.contains(mark))
        #expect(text.utf8.count == 1000 + mark.utf8.count)
    }

    @Test("an output limit of zero keeps nothing but the mark")
    func noOutput() async throws {
        let text = try await workshop.command("echo 123") { $0.outputLimitBytes = 0 }.run(.test()).text
        #expect(text == "\n… 4 bytes left out …\n")
    }

    @Test("exit code 0 means done")
    func success() async throws {
        #expect(try await workshop.command("exit 0").run(.test()) == RunOutput.none)
    }

    @Test("any other exit code is a failure to be retried", arguments: [1, 2, 3, 64, 74, 76, 126, 127, 255])
    func exitCodes(code: Int) async throws {
        let failure = try await failure(of: workshop.command("exit \(code)"))
        #expect(failure.disposition == .retry)
        #expect(failure.message == "exit code \(code)")
        #expect(failure.output == nil)
    }

    @Test("exit code 75 asks to be tried later")
    func tryLater() async throws {
        let failure = try await failure(of: workshop.command("echo busy >&2; exit 75"))
        #expect(failure.disposition == .snooze(nil))
        #expect(failure.message == "exit code 75 (try later): busy")
        #expect(failure.text == "busy\n")
    }

    @Test("a program that a signal ends is a failure that names the signal")
    func signals() async throws {
        #expect(try await failure(of: workshop.command("kill -9 $$")).message == "killed by SIGKILL (9)")
        let failure = try await failure(of: workshop.command("echo oh >&2; kill -SEGV $$"))
        #expect(failure.message == "killed by SIGSEGV (11): oh")
        #expect(failure.disposition == .retry)
    }

    @Test("a failure's message ends with the last lines of standard error, or else of standard output")
    func lastWords() async throws {
        let errors = try await failure(
            of: workshop.command("echo out; printf 'one\\n\\ntwo\\n\\033[31mthree\\n \\nfour\\n' >&2; exit 3"))
        #expect(errors.message == "exit code 3: two | [31mthree | four")
        #expect(try await failure(of: workshop.command("echo out; exit 3")).message == "exit code 3: out")
        let long = try await failure(of: workshop.command("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 3"))
        #expect(long.message == "exit code 3: " + String(repeating: "x", count: 300))
    }

    @Test("lines of progress are reported, and stay in the output")
    func progress() async throws {
        let reporter = RecordingReporter()
        let body = """
            echo '::progress 0.25'; echo ':: progress 0.3'; echo '::progress x'; echo '::progress nan'
            echo '::progress 0.5 half  done '; echo '::progress 0.6 no' >&2; echo ' ::progress 0.7'; printf '::progress 1 all'
            """
        let output = try await workshop.command(body).run(.test(reporter: reporter))
        #expect(reporter.progress == [Progress(0.25), Progress(0.5, "half  done"), Progress(1, "all")])
        #expect(output.text.contains("::progress 0.5 half  done \n"))
        #expect(output.result == nil)
    }

    @Test("progress is reported while the program works")
    func liveProgress() async throws {
        let reporter = RecordingReporter()
        let action = try workshop.command("echo '::progress 0.5'; until [ -e go ]; do sleep 0.01; done")
        async let output = action.run(.test(reporter: reporter))
        try await eventually("progress") { reporter.progress == [Progress(0.5)] }
        try workshop.write([], to: "go")
        #expect(try await output.text == "::progress 0.5\n")
    }

    @Test("a standard output that is one JSON text is the result, whatever is logged beside it")
    func result() async throws {
        let body =
            "echo start >&2; echo ::progress 0.1; printf ' {\"a\": 1.0,\\n\"b\": []}'; echo; echo ::progress 0.9 x"
        #expect(try await workshop.command(body).run(.test()).resultText == "{\"a\": 1.0,\n\"b\": []}")
        #expect(try await workshop.command("echo 42").run(.test()).resultText == "42")
    }

    @Test(
        "any other standard output is no result",
        arguments: ["", "echo hello", "echo '{} {}'", "echo '{\"a\":1}' >&2", "printf '\"\\377\"'", "echo '{'"])
    func noResult(body: String) async throws {
        #expect(try await workshop.command(body).run(.test()).result == nil)
    }

    @Test("a result may have 64 KiB, also if less output is kept", arguments: [65_536, 65_537])
    func largestResult(size: Int) async throws {
        let action = try workshop.command("printf '\"'; head -c \(size - 2) /dev/zero | tr '\\0' x; printf '\"\\n'") {
            $0.outputLimitBytes = 100
        }
        #expect(try await action.run(.test()).result?.count == (size == 65_536 ? size : nil))
    }

    @Test("sixty-four programs run at once")
    func parallel() async throws {
        // Each waits until all have begun.
        try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<64 {
                let action = try workshop.command(
                    "touch begun-$1; until [ $(ls | grep -c begun) -ge 64 ]; do sleep 0.1; done; cat", ["\(number)"])
                group.addTask { try await action.run(.test(Array("\(number)".utf8))).text }
            }
            var texts: Set<String> = []
            for try await text in group { texts.insert(text) }
            #expect(texts == Set((0..<64).map { "\($0)" }))
        }
    }
}
