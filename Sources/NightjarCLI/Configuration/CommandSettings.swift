import Expressions
import NightjarActions
import NightjarCore

/// The action `command`: a program.
struct CommandSettings: Sendable, Hashable {
    /// The program and its arguments.
    var arguments: [CommandTemplateAction.Argument]
    /// How it is started and listened to.
    var options: CommandAction.Options

    /// The program, as the file has it.
    var program: String {
        if case .text(let text)? = arguments.first { text } else { "" }
    }

    /// The action that this is.
    func action() throws(ActionError) -> any RunHandler {
        let texts = arguments.compactMap { argument in
            if case .text(let text) = argument { text } else { nil }
        }
        guard texts.count < arguments.count else { return try CommandAction(texts, options: options) }
        return try CommandTemplateAction(arguments, options: options)
    }
}

extension Reading where Value == CommandTemplateAction.Argument {
    /// An argument: a text as it stands, or `{ value: EXPRESSION }`, one argument whatever its value.
    fileprivate static var argument: Reading {
        let expected = "a text, or { value: EXPRESSION }"
        let value = Reading<CommandTemplateAction.Argument>.section(expected) { section in
            section.require("value", Reading<CELExpression>.expression("an expression such as event.data.id"))
                .map { .value($0) }
        }
        return Reading(expected) { node, label, context in
            if case .map = node.content { return value.read(node, label, context) }
            guard let text = Reading<String>.anyString.read(node, label, context) else { return nil }
            guard !text.contains("${{") else {
                context.report(
                    node.position,
                    "\(label): arguments have no holes, so that no value can become more than one; expected { value: EXPRESSION } for an argument"
                )
                return nil
            }
            return .text(text)
        }
    }
}

extension Reading where Value == CommandSettings {
    /// The program and its arguments as a list, or a mapping with more settings.
    static var command: Reading {
        let expected =
            "the program and its arguments as a list, such as [./send-receipt, --fast], or a mapping with \"run\""
        let arguments = Reading<[CommandTemplateAction.Argument]>(expected) { node, label, context in
            switch node.content {
            case .list(let nodes) where !nodes.isEmpty:
                return Reading<CommandTemplateAction.Argument>.argument.list().read(node, label, context)
            case .list: context.report(node.position, "\(label) is an empty list; expected \(expected)")
            default: context.report(node.position, "\(label) holds \(node.kind); expected \(expected)")
            }
            return nil
        }
        let section = Reading<CommandSettings>.section(expected) { section in
            let arguments = section.require("run", arguments)
            let options = section.commandOptions()
            return arguments.map { CommandSettings(arguments: $0, options: options) }
        }
        return Reading(expected) { node, label, context in
            if case .map = node.content { return section.read(node, label, context) }
            let options = CommandAction.Options(workingDirectory: context.folderPath)
            return arguments.read(node, label, context).map { CommandSettings(arguments: $0, options: options) }
        }
        .checked { try $0.action() }
    }
}

extension Section {
    fileprivate mutating func commandOptions() -> CommandAction.Options {
        var options = CommandAction.Options()
        options.workingDirectory = read("directory", .path, default: context.folderPath)
        options.environment = read("environment", Reading<String>.variable.dictionary(), default: [:])
        options.inherited += read("inherit", Reading<String>.string.oneOrMore(), default: [])
        options.outputLimitBytes = read("output", .size(0...(16 << 20)), default: options.outputLimitBytes)
        options.grace = read("grace", .duration(), default: options.grace)
        return options
    }
}

extension Reading where Value == String {
    /// The value of an environment variable.
    fileprivate static var variable: Reading { text("a text") { $0.contains("\0") ? nil : $0 } }
}
