import ArgumentParser
import CloudEvents
import Expressions
import Foundation
import NightjarCore

/// `nightjar eval`: evaluates an expression as a trigger would.
struct EvalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "eval", abstract: "Evaluate an expression (CEL) and print its value as JSON.",
        discussion: """
            With --event, the expression sees the event as a trigger's `when` does. With --bindings, it sees each member of the object by its name. Exits with 1, and says why, if the expression is wrong or has no value.
            """)

    @Argument(help: ArgumentHelp("The expression, such as 'event.data.total > 100'.", valueName: "expr"))
    var expression: String

    @Option(
        help: ArgumentHelp("A CloudEvent in JSON; - for standard input.", valueName: "path"), completion: .file())
    var event: String?

    @Option(help: ArgumentHelp("A JSON object whose members are variables.", valueName: "json"))
    var bindings: String?

    @Flag(help: "Print the type of the value, in the words of CEL, instead of the value.")
    var type = false

    func run() async throws {
        var variables: [(Environment.Variable, Value)] = []
        if let event {
            variables.append(
                (
                    Environment.Variable("event", .object(EventValue.objectType)),
                    .object(EventValue(try EventFile.read(event)))
                ))
        }
        if let bindings {
            let value: Value
            do { value = try Value(json: Array(bindings.utf8)) } catch {
                throw CommandFailure("--bindings is not JSON: \(error)")
            }
            guard case .map(let map) = value else {
                throw CommandFailure("--bindings is no JSON object; expected one such as {\"x\": 1}")
            }
            for (key, value) in map.entries {
                guard case .string(let name) = key else { continue }
                guard !variables.contains(where: { $0.0.name == name }) else {
                    throw CommandFailure("\"\(Printable.line(name))\" is bound twice; expected it once")
                }
                variables.append((Environment.Variable(name), value))
            }
        }
        do {
            let compiled = try CELExpression(expression, in: Environment(variables.map(\.0)))
            let value = try compiled.evaluate(variables.map(\.1))
            try StandardOutput.write((type ? value.typeName : String(decoding: try value.json(), as: UTF8.self)) + "\n")
        } catch let error as ExpressionError {
            StandardOutput.writeError("\(error)\n")
            throw ExitCode.failure
        } catch let error as EvaluationError {
            StandardOutput.writeError("\(error.rendered(in: expression))\n")
            throw ExitCode.failure
        }
    }
}

extension EvaluationError {
    /// The message with its place in the expression.
    func rendered(in source: String) -> String {
        guard let offset else { return message }
        let before = Array(source.utf8).prefix(offset)
        let line = before.count { $0 == 0x0A } + 1
        let lastLine = before.split(separator: 0x0A, omittingEmptySubsequences: false).last ?? []
        return "\(line):\(String(decoding: lastLine, as: UTF8.self).unicodeScalars.count + 1): \(message)"
    }
}

/// A file that holds one CloudEvent in JSON.
enum EventFile {
    /// Reads the event.
    /// - Throws: ``CommandFailure`` if it cannot be read, or is no event.
    static func read(_ path: String) throws -> Event {
        let bytes = try EventInput.contents(of: path, atMost: 64 << 20)
        do throws(EventError) {
            let event = try JSONEventFormat.decode(bytes)
            try event.validate()
            return event
        } catch {
            throw CommandFailure("\(path == "-" ? "standard input" : path) holds no CloudEvent: \(error)")
        }
    }
}
