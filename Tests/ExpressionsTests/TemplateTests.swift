import Expressions
import Foundation
import Testing

@Suite("Templates")
struct TemplateTests {
    private func rendered(_ source: String) -> String {
        do {
            return try Template(source, in: Order.environment).render([
                .object(Order("t", #"{"n": 2, "o": {"a": null}}"#))
            ])
        } catch {
            return "\(error)"
        }
    }

    @Test(
        "holes are filled",
        arguments: [
            ("plain", "plain"), ("", ""), ("${{ event.type }}", "t"), ("a ${{event.data.n + 1}} b", "a 3 b"),
            ("${{ event.data.o }}", #"{"a":null}"#), ("${{ event.data.o.a }}x", "x"),
            ("${{ {'}}': 1}['}}'] }}", "1"), ("${{ '}}' }}", "}}"), ("$${{ x }}", "${{ x }}"),
            ("$ {{ x }} ${x}", "$ {{ x }} ${x}"), ("${{ [1,2] }}${{ true }}", "[1,2]true"),
            ("${{ {'a': {'b': 1}}}}", #"{"a":{"b":1}}"#),
            ("ñ${{ 'é' }}", "ñé"),
        ])
    func filled(_ source: String, _ expected: String) {
        #expect(rendered(source) == expected)
    }

    @Test("mistakes stand where they are in the whole text")
    func mistakes() {
        #expect(
            rendered("line\n  ${{ evnt }}")
                == "2:7: unknown name \"evnt\"; did you mean \"event\"?\n    ${{ evnt }}\n        ^")
        #expect(rendered("${{ 1").hasPrefix("1:6: got the end; expected '}}'"))
        #expect(rendered("${{ 1 } }").hasPrefix("1:8: expected '}}' at the end"))
        #expect(rendered("${{ evnt }} ${{ evnt2 }}").components(separatedBy: "unknown name").count == 3)
    }

    @Test("a template knows whether it has holes")
    func holes() throws {
        #expect(try !Template("a $${{ b").hasHoles)
        #expect(try Template("a ${{ 1 }}").hasHoles)
    }
}
