import CloudEvents
import Expressions
import Foundation
import NightjarCore
import Testing

@testable import NightjarCLI

@Suite("docs/expressions.md")
struct ExpressionRecipesTests {
    struct Recipe: Sendable, CustomTestStringConvertible {
        var data: String
        var expected: String
        var source: String
        var testDescription: String { source }
    }

    private static let page = try? String(
        contentsOf: URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("docs/expressions.md"), encoding: .utf8)

    static let recipes: [Recipe] = (page ?? "").components(separatedBy: "```cel\n").dropFirst().compactMap { block in
        let lines = (block.components(separatedBy: "\n```").first ?? "").split(separator: "\n", maxSplits: 1)
        let head = lines[0].dropFirst(3).components(separatedBy: " → ")
        guard lines.count == 2, head.count == 2 else { return nil }
        return Recipe(data: head[0], expected: head[1], source: String(lines[1]))
    }

    @Test("a recipe gives what the page says", arguments: recipes)
    func recipe(_ recipe: Recipe) throws {
        let event = Event(
            id: "e1", source: "/shop", type: "order.created", dataContentType: "application/json",
            data: Array(recipe.data.utf8))
        let value = try CELExpression(recipe.source, in: .event).evaluate([.object(EventValue(event))])
        #expect(String(decoding: try value.json(), as: UTF8.self) == recipe.expected)
    }

    @Test("there are at least twenty recipes, and every function is on the page")
    func complete() throws {
        #expect(Self.recipes.count >= 20)
        let page = try #require(Self.page)
        for name in CELExpression.functionNames {
            let short = name.split(separator: ".").last.map(String.init) ?? name
            #expect(page.contains("`\(name)") || page.contains("`\(short)`"), "\(name)")
        }
    }

    @Test("the configuration on the page has no mistakes")
    func configuration() throws {
        let yaml = try #require(
            Self.page?.components(separatedBy: "```yaml\n").last?.components(separatedBy: "\n```").first)
        _ = try NightjarCLITests.configuration(yaml)
    }
}
