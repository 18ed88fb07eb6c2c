import Expressions
import Foundation
import NightjarActions
import NightjarCore

/// The action `http`: a request.
struct RequestSettings: Sendable, Hashable {
    /// What is filled for each run.
    struct Templates: Sendable, Hashable {
        var url: Template
        var headers: [String: Template]
        var body: DataTemplate?
    }

    /// Where to.
    var url: String
    /// How it is made and its answer read.
    var options: HTTPAction.Options
    /// What is filled for each run; `nil` if every request is the same.
    var templates: Templates?

    /// The action that this is.
    func action() throws(ActionError) -> any RunHandler {
        guard let templates else { return try HTTPAction(url, options: options) }
        return try HTTPTemplateAction(
            templates.url, headers: templates.headers, body: templates.body, options: options)
    }
}

extension Reading where Value == RequestSettings {
    static var request: Reading {
        section("a mapping such as { url: \"https://example.com/path\" }") { section in
            let url = section.require("url", .requestURL)
            var options = HTTPAction.Options()
            options.method = section.read("method", .httpMethod, default: options.method)
            let headers = section.read("headers", Reading<Template>.template().dictionary(), default: [:])
            let body = section.read("body", Reading<EventData>.eventData)
            options.envelope = section.read("envelope", .choice, default: options.envelope)
            options.timeout = section.read("timeout", .duration(atLeast: .milliseconds(1)), default: options.timeout)
            options.success = section.read(
                "success", Reading<ClosedRange<Int>>.statuses.oneOrMore(), default: options.success)
            options.retry = section.read(
                "retry", Reading<ClosedRange<Int>>.statuses.oneOrMore(), default: options.retry)
            options.outputLimitBytes = section.read("output", .size(0...(16 << 20)), default: options.outputLimitBytes)
            guard let url else { return nil }
            options.headers = headers.filter { !$0.value.hasHoles }.mapValues { $0.plainText }
            if body?.template == nil { options.body = body?.bytes }
            let filled = headers.filter { $0.value.hasHoles }
            let isPlain = !url.hasHoles && filled.isEmpty && body?.template == nil
            return RequestSettings(
                url: url.plainText, options: options,
                templates: isPlain ? nil : .init(url: url, headers: filled, body: body?.template))
        }
        .checked { try $0.action() }
    }
}

extension Reading where Value == Template {
    /// A URL, or a text with holes that makes one.
    fileprivate static var requestURL: Reading {
        let plain = Reading<String>.httpURL
        return Reading(plain.expected) { node, label, context in
            guard case .scalar(let raw, _) = node.content, raw.contains("${{") else {
                guard let url = plain.read(node, label, context) else { return nil }
                return try? Template(url.replacingOccurrences(of: "${{", with: "$${{"))
            }
            return template(plain.expected).read(node, label, context)
        }
    }
}

extension Template {
    /// The text of a template without holes.
    var plainText: String {
        parts.map { part in
            if case .text(let text) = part { text } else { "" }
        }.joined()
    }
}

extension Reading where Value == ClosedRange<Int> {
    /// An HTTP status, or a range of them.
    static var statuses: Reading {
        text("a status such as 204 or a range such as 200-299") { text in
            let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first <= last,
                (100...599).contains(first), (100...599).contains(last)
            else { return nil }
            return first...last
        }
    }
}
