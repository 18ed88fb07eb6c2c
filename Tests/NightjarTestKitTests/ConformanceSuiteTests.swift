import NightjarCore
import NightjarTestKit
import Testing

@Suite("Conformance suite")
struct ConformanceSuiteTests {
    /// The behaviours that a store does not show.
    private func failures(of defect: BrokenStore.Defect) async -> [String] {
        var failed: [String] = []
        for behaviour in RunStoreConformance.cases {
            do {
                try await behaviour.check(against: BrokenStore(defect))
            } catch {
                failed.append(behaviour.name)
            }
        }
        return failed
    }

    @Test("a store with a mistake is caught", arguments: BrokenStore.Defect.allCases.filter { $0 != .none })
    func catches(_ defect: BrokenStore.Defect) async {
        #expect(await failures(of: defect) != [])
    }

    @Test("the same store without a mistake is not")
    func passes() async {
        #expect(await failures(of: .none) == [])
    }

    @Test("a failure says what was expected, what came, and where")
    func failureIsReadable() async throws {
        let behaviour = try #require(RunStoreConformance.cases.first { $0.name.contains("makes no second run") })
        let failure = await #expect(throws: ConformanceFailure.self) {
            try await behaviour.check(against: BrokenStore(.ignoresDuplicates))
        }
        let text = try #require(failure?.description)
        #expect(text.contains("expected:"))
        #expect(text.contains("actual:"))
        #expect(text.contains("AcceptanceCases.swift:"))
    }

    @Test("a broken invariant is named", arguments: BrokenRun.allCases)
    func invariants(_ broken: BrokenRun) {
        #expect(RunStoreInvariants.violations(of: broken.run).contains { $0.contains(broken.words) })
    }
}
