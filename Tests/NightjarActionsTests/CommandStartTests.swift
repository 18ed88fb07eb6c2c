import Foundation
import NightjarCore
import Testing

@testable import NightjarActions

@Suite("A command: finding and starting the program")
struct CommandStartTests {
    let workshop: Workshop

    init() throws {
        workshop = try Workshop()
    }

    @Test("a relative path refers to the working directory")
    func relative() async throws {
        try FileManager.default.createDirectory(atPath: workshop.path + "/sub", withIntermediateDirectories: true)
        try workshop.script("pwd", named: "sub/program")
        let folder = try #require(workshop.path.withCString { realpath($0, nil) }.map { String(cString: $0) })
        for (directory, program) in [
            (workshop.path, "./sub/program"), (workshop.path, "sub/program"), (workshop.path + "/sub", "./program"),
        ] {
            let action = try CommandAction([program], options: .init(workingDirectory: directory))
            let expected = directory == workshop.path ? folder : folder + "/sub"
            #expect(try await action.run(.test()).text == expected + "\n")
        }
    }

    @Test("a relative working directory refers to the node's")
    func relativeFolder() async throws {
        try workshop.script("pwd")
        let depth = FileManager.default.currentDirectoryPath.split(separator: "/").count
        let folder = String(repeating: "../", count: depth) + workshop.path.dropFirst()
        let output = try await CommandAction(["./program"], options: .init(workingDirectory: folder)).run(.test())
        #expect(output.text.hasSuffix(workshop.path.split(separator: "/").last.map { "\($0)\n" } ?? "?"))
    }

    @Test("a name is looked for in the PATH that the program gets")
    func path() async throws {
        try workshop.script("echo found", named: "nightjar-test-program")
        let options = CommandAction.Options(environment: ["PATH": "/nowhere:" + workshop.path])
        #expect(try await CommandAction(["nightjar-test-program"], options: options).run(.test()).text == "found\n")
    }

    @Test("a name that is nowhere is a failure to be retried, which names the PATH")
    func unknownName() async throws {
        let options = CommandAction.Options(workingDirectory: workshop.path, environment: ["PATH": "/nowhere:/bin"])
        try workshop.script("echo wrong", named: "nightjar-test-program")
        let failure = try await failure(of: CommandAction(["nightjar-test-program"], options: options))
        #expect(
            failure.message
                == "the program \"nightjar-test-program\" is not in the PATH, or is not executable: /nowhere:/bin")
        #expect(failure.disposition == .retry)
    }

    @Test("an argument that is longer than the system takes is a failure for good", arguments: ["/bin/echo", "echo"])
    func longArgument(program: String) async throws {
        let failure = try await failure(of: CommandAction([program, String(repeating: "x", count: 200_000)]))
        #expect(failure.message.hasPrefix("the program \"\(program)\" cannot be started with so much: "))
        #expect(failure.disposition == .never)
    }

    @Test("a path where nothing is, or nothing executable, is a failure that says so")
    func unusablePaths() async throws {
        let options = CommandAction.Options(workingDirectory: workshop.path)
        let absent = try await failure(of: CommandAction(["./absent"], options: options))
        #expect(absent.message == "the program \"\(workshop.path)/./absent\" does not exist")
        #expect(absent.disposition == .retry)
        let file = try workshop.script("exit 0", named: "plain", mode: 0o644)
        #expect(try await failure(of: CommandAction([file])).message == "the program \"\(file)\" is not executable")
        #expect(try await failure(of: CommandAction([workshop.path])).message.contains(workshop.path))
        let orphan = try workshop.write(Array("#!/nowhere/sh\n".utf8), to: "orphan", mode: 0o755)
        #expect(try await failure(of: CommandAction([orphan])).message.contains("its first line names"))
        let bare = try workshop.write(Array("echo hello\n".utf8), to: "bare", mode: 0o755)
        #expect(try await failure(of: CommandAction([bare])).message.contains("needs a first line such as #!/bin/sh"))
    }

    @Test("a program that is put there later is found then")
    func deployedLater() async throws {
        let action = try CommandAction(["./program"], options: .init(workingDirectory: workshop.path))
        _ = try await failure(of: action)
        try workshop.script("echo here")
        #expect(try await action.run(.test()).text == "here\n")
    }

    @Test("a working directory that is missing or no folder is a failure that says so")
    func unusableFolder() async throws {
        let file = try workshop.write([], to: "file")
        for folder in [workshop.path + "/absent", file] {
            let failure = try await failure(of: CommandAction(["true"], options: .init(workingDirectory: folder)))
            #expect(failure.message.hasPrefix("the working directory \"\(folder)\" cannot be entered: "))
            #expect(failure.disposition == .retry)
        }
    }

    @Test("what cannot be a command is refused at once")
    func refused() {
        #expect(throws: ActionError.self) { try CommandAction([]) }
        #expect(throws: ActionError.self) { try CommandAction([""]) }
        #expect(throws: ActionError.self) { try CommandAction(["a", "b\0c"]) }
        #expect(throws: ActionError.self) { try CommandAction(["a"], options: .init(workingDirectory: "")) }
        #expect(throws: ActionError.self) { try CommandAction(["a"], options: .init(workingDirectory: "a\0b")) }
        for name in ["", "A=B", "1A", "A\0"] {
            #expect(throws: ActionError.self) { try CommandAction(["a"], options: .init(environment: [name: "x"])) }
        }
        #expect(throws: ActionError.self) { try CommandAction(["a"], options: .init(environment: ["A": "x\0"])) }
    }
}
