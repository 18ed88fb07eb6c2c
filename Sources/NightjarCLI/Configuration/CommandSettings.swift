import NightjarActions

/// The action `command`: a program.
struct CommandSettings: Sendable, Hashable {
    /// The program and its arguments.
    var arguments: [String]
    /// How it is started and listened to.
    var options: CommandAction.Options
}

extension Reading where Value == CommandSettings {
    /// The program and its arguments as a list, or a mapping with more settings.
    static var command: Reading {
        let expected =
            "the program and its arguments as a list, such as [./send-receipt, --fast], or a mapping with \"run\""
        let arguments = Reading<[String]>(expected) { node, label, context in
            switch node.content {
            case .list(let nodes) where !nodes.isEmpty:
                return Reading<String>.anyString.list().read(node, label, context)
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
        .checked { try CommandAction($0.arguments, options: $0.options) }
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
