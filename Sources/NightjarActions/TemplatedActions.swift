public import CloudEvents
public import Expressions
import Foundation
public import NightjarCore

/// Evaluates what an action's templates ask for. What cannot be evaluated will not be better next time: the run is dead, with
/// the reason.
private func filled<Filled>(
    _ what: String, _ body: () throws(EvaluationError) -> Filled
) throws(RunFailure) -> Filled {
    do { return try body() } catch { throw RunFailure("\(what) has no value: \(error)", .never) }
}

/// ``HTTPAction`` with a URL, headers and a body that are filled for each run.
public struct HTTPTemplateAction: RunHandler {
    private let url: Template
    private let headers: [String: Template]
    private let body: DataTemplate?
    private let options: HTTPAction.Options

    /// An action that requests what `url` makes.
    ///
    /// A value in the URL is percent-encoded as one part of it; only a URL that begins with a value is that value.
    /// - Throws: ``ActionError`` if no such request can be made, whatever the values.
    public init(
        _ url: Template, headers: [String: Template], body: DataTemplate?, options: HTTPAction.Options
    ) throws(ActionError) {
        self.url = url
        self.headers = headers
        self.body = body
        self.options = options
        // A probe with harmless values: what is wrong then, always is.
        var probe = options
        probe.headers = headers.mapValues { Self.text($0) { _, _ in "1" } }
        _ = try HTTPAction(Self.text(url) { _, isFirst in isFirst ? "https://example.com/" : "1" }, options: probe)
    }

    private static func text(_ template: Template, _ fill: (CELExpression, Bool) -> String) -> String {
        var isFirst = true
        return template.parts.map { part in
            defer { isFirst = false }
            return switch part {
            case .text(let text): text
            case .hole(let expression): fill(expression, isFirst)
            }
        }.joined()
    }

    /// Makes the request and judges the answer.
    public func run(_ context: RunContext) async throws -> RunOutput {
        let variables: [Value] = [.object(EventValue(context.event))]
        var options = options
        let target = try filled("the URL") { () throws(EvaluationError) in
            var isStart = startsWithHole
            return try url.render(variables) { (value) throws(EvaluationError) in
                defer { isStart = false }
                let text = try Template.text(value)
                return isStart ? text : Self.percentEncoded(text)
            }
        }
        for (name, template) in headers {
            options.headers[name] = try filled("the header \(name)") { () throws(EvaluationError) in
                try template.render(variables)
            }
        }
        if let body {
            options.body = try filled("the body") { () throws(EvaluationError) in try body.render(variables) }
            let hasType = options.headers.keys.contains { $0.lowercased() == "content-type" }
            if !hasType { options.headers["content-type"] = body.contentType }
        }
        let action: HTTPAction
        do { action = try HTTPAction(target, options: options) } catch {
            // The error has the URL in it, which may hold a secret.
            throw RunFailure(
                "the request cannot be made: its values make no HTTP URL, or a header that cannot be sent", .never)
        }
        return try await action.run(context)
    }

    private var startsWithHole: Bool {
        if case .hole? = url.parts.first { true } else { false }
    }

    /// RFC 3986, section 2.3.
    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

    private static func percentEncoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }
}

/// ``EmitAction`` with attributes and data that are filled for each run.
public struct EmitTemplateAction: RunHandler {
    private let type: Template
    private let source: Template?
    private let subject: Template?
    private let data: DataTemplate?
    private let dataContentType: String?
    private let extensions: [String: AttributeValue]

    /// An action that emits what the templates make; what is `nil` is as in ``EmitAction``.
    public init(
        type: Template, source: Template?, subject: Template?, data: DataTemplate?, dataContentType: String?,
        extensions: [String: AttributeValue]
    ) {
        self.type = type
        self.source = source
        self.subject = subject
        self.data = data
        self.dataContentType = dataContentType
        self.extensions = extensions
    }

    /// Emits the event.
    public func run(_ context: RunContext) async throws -> RunOutput {
        let variables: [Value] = [.object(EventValue(context.event))]
        func text(_ template: Template, _ name: String) throws(RunFailure) -> String {
            try filled("the new event's \(name)") { () throws(EvaluationError) in try template.render(variables) }
        }
        let type = try text(type, "type")
        let source = try source.map { (template) throws(RunFailure) in try text(template, "source") }
        let subject = try subject.map { (template) throws(RunFailure) in try text(template, "subject") }
        let data = try data.map { (data) throws(RunFailure) in
            try filled("the new event's data") { () throws(EvaluationError) in try data.render(variables) }
        }
        let action: EmitAction
        do {
            action = try EmitAction(
                type: type, source: source, subject: subject, data: data,
                dataContentType: dataContentType ?? self.data?.contentType, extensions: extensions)
        } catch { throw RunFailure("the new event cannot be: \(error)", .never) }
        return try await action.run(context)
    }
}

/// ``CommandAction`` with arguments that are filled for each run: each expression is one argument, whatever its value.
public struct CommandTemplateAction: RunHandler {
    /// An argument.
    public enum Argument: Sendable, Hashable {
        /// A text as it stands.
        case text(String)
        /// The value of an expression.
        case value(CELExpression)
    }

    private let arguments: [Argument]
    private let options: CommandAction.Options

    /// An action that starts the first argument, which must be a text, with the others.
    /// - Throws: ``ActionError`` if no program can be started so, whatever the values.
    public init(_ arguments: [Argument], options: CommandAction.Options) throws(ActionError) {
        guard case .text? = arguments.first else {
            throw ActionError("the program of a command is a value: expected a text, and values as arguments only")
        }
        self.arguments = arguments
        self.options = options
        _ = try CommandAction(
            arguments.map { argument in
                if case .text(let text) = argument { text } else { "1" }
            }, options: options)
    }

    /// Starts the program and waits for its end.
    public func run(_ context: RunContext) async throws -> RunOutput {
        let variables: [Value] = [.object(EventValue(context.event))]
        var texts: [String] = []
        for (index, argument) in arguments.enumerated() {
            switch argument {
            case .text(let text): texts.append(text)
            case .value(let expression):
                texts.append(
                    try filled("argument \(index)") { () throws(EvaluationError) in
                        try Template.text(try expression.evaluate(variables))
                    })
            }
        }
        let action: CommandAction
        do { action = try CommandAction(texts, options: options) } catch { throw RunFailure("\(error)", .never) }
        return try await action.run(context)
    }
}
