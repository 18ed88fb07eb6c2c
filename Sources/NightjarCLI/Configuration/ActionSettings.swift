/// The action `command`: a program.
struct CommandSettings: Sendable, Hashable {
    /// The program and its arguments.
    var arguments: [String]
}

/// The action `http`: a request.
struct RequestSettings: Sendable, Hashable {
    /// Where to.
    var url: String
    /// The method.
    var method = "POST"
}

/// The action `emit`: an event.
struct EmitSettings: Sendable, Hashable {
    /// The event's type.
    var type: String
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
            section.require("run", arguments).map { CommandSettings(arguments: $0) }
        }
        return Reading(expected) { node, label, context in
            guard case .map = node.content else {
                return arguments.read(node, label, context).map { CommandSettings(arguments: $0) }
            }
            return section.read(node, label, context)
        }
    }
}

extension Reading where Value == RequestSettings {
    static var request: Reading {
        section("a mapping such as { url: \"https://example.com/path\" }") { section in
            let url = section.require("url", .httpURL)
            return url.map { RequestSettings(url: $0) }
        }
    }
}

extension Reading where Value == EmitSettings {
    static var emit: Reading {
        section("a mapping such as { type: order.placed }") { section in
            let type = section.require("type", .string)
            return type.map { EmitSettings(type: $0) }
        }
    }
}
