import Expressions
import Testing

@Suite("Macros")
struct MacroTests {
    @Test(
        "macros go through lists and the keys of maps",
        arguments: [
            Case("[1, 2, 3].all(x, x > 0)", "true"), Case("[1, 2, 3].all(x, x > 1)", "false"),
            Case("[].all(x, 1 / 0 == 1)", "true"),
            Case("[1, 2].exists(x, x == 2)", "true"), Case("[].exists(x, true)", "false"),
            Case("[1, 2, 1].exists_one(x, x == 1)", "false"), Case("[1, 2].existsOne(x, x == 1)", "true"),
            Case("[1, 2, 3].filter(x, x % 2 == 1)", "[1, 3]"), Case("[1, 2].map(x, x * 2)", "[2, 4]"),
            Case("[1, 2, 3].map(x, x > 1, x * 2)", "[4, 6]"), Case("{'a': 1, 'b': 2}.all(k, k in ['a', 'b'])", "true"),
            Case("{'a': 1}.map(k, k + 'x')", "[\"ax\"]"), Case("{'a': 1}.filter(k, k == 'b')", "[]"),
            Case("[[1, 2], [3]].map(x, x.map(y, y + 1))", "[[2, 3], [4]]"), Case("[1].map(x, [2].map(x, x))", "[[2]]"),
            Case("[1, 2].map(x, [10, 20].map(y, x + y))", "[[11, 21], [12, 22]]"),
            Case("cel.bind(x, 2, x * x)", "4"), Case("cel.bind(x, [1], x + x)", "[1, 1]"),
        ])
    func oneVariable(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }

    @Test(
        "macros with two variables see indices and elements, keys and values",
        arguments: [
            Case("[1, 2].all(i, v, v == i + 1)", "true"), Case("{'a': 1}.exists(k, v, k == 'a' && v == 1)", "true"),
            Case("[5, 5].existsOne(i, v, v == 5)", "false"), Case("[7, 8].transformList(i, v, i * v)", "[0, 8]"),
            Case("[7, 8].transformList(i, v, i > 0, v)", "[8]"),
            Case("{'a': 1}.transformMap(k, v, v + 1)", "{\"a\": 2}"),
            Case("{'a': 1, 'b': 2}.transformMap(k, v, v > 1, k)", "{\"b\": \"b\"}"),
            Case("[3, 4].transformMap(i, v, v)", "{0: 3, 1: 4}"),
            Case("{'a': 'x'}.transformMapEntry(k, v, {v: k})", "{\"x\": \"a\"}"),
            Case("{'a': 1, 'b': 1}.transformMapEntry(k, v, {v: k})", "error: duplicateKey"),
        ])
    func twoVariables(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }

    @Test(
        "errors in all and exists count only if nothing else decides; exists_one counts every one",
        arguments: [
            Case("[1, 0, 2].exists(x, 2 / x == 2)", "true"), Case("[0, 1].exists(x, 2 / x == 2)", "true"),
            Case("[0, 1].exists(x, 2 / x == 5)", "error: divisionByZero"), Case("[0, 1].all(x, 2 / x == 5)", "false"),
            Case("[0, 1].all(x, 2 / x == 2)", "error: divisionByZero"),
            Case("[1, 0].exists_one(x, 2 / x == 2)", "error: divisionByZero"),
            Case("[0].filter(x, 1 / x == 1)", "error: divisionByZero"),
            Case("[0].map(x, 1 / x)", "error: divisionByZero"),
        ])
    func errors(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }

    @Test(
        "has tells whether there is a field",
        arguments: [
            Case("has({'a': 1}.a)", "true"), Case("has({'a': 1}.b)", "false"), Case("has({'a': null}.a)", "true"),
            Case("has({'a': {'b': 1}}.a.b)", "true"), Case("has({'a': {}}.a.b)", "false"),
            Case("has({}.a.b)", "error: noSuchField"), Case("has(dyn(1).a)", "error: noMatchingOverload"),
            Case("has(1)", "mistake: has() asks for a field; expected has(value.field)"),
        ])
    func has(_ example: Case) {
        #expect(example.outcome() == example.expected)
    }

    @Test(
        "a macro that is written wrong says how it is written",
        arguments: [
            Case(
                "[1].all(x)",
                "mistake: all() has 1 arguments; expected one or two names, then expressions, as in list.all(x, …)"),
            Case("[1].map(1, 2)", "mistake: expected a name for what map() goes through"),
            Case("1.all(x, true)", "mistake: expected a field"),
            Case("(1).all(x, true)", "mistake: all() goes through a int; expected a list or a map"),
            Case("[1].all(x, x)", "mistake: the condition of all() is a int; expected a bool"),
            Case("[1].all(x, y > 0)", "mistake: unknown name \"y\"; known names are x"),
            Case("[1].all(x, x, true)", "mistake: the two names of all() are the same"),
        ])
    func mistakes(_ example: Case) {
        if example.expression == "1.all(x, true)" {
            #expect(example.outcome().hasPrefix("mistake: "))
        } else {
            #expect(example.outcome() == example.expected)
        }
    }
}
