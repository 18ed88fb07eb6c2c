import CloudEvents
import NightjarCore
import Testing

@testable import NightjarCLI

@Suite("Trying an event on the triggers")
struct TriggerTrialTests {
    private func trial(_ data: String) throws -> String {
        let configuration = try configuration(
            """
            jobs:
              charge: { command: [./charge], key: event.data.customer }
              audit: { command: [./audit] }
            triggers:
              orders: { event: {}, start: [charge, audit] }
              charges: { event: {}, start: charge }
            """)
        let event = Event(id: "e1", source: "/s", type: "order", data: Array(data.utf8))
        return TriggerTrial(event, configuration).text(style: .plain)
    }

    @Test("a job whose key has a value is started with it")
    func key() throws {
        let text = try trial(#"{"customer": "Ann"}"#)
        #expect(text.contains(#"yes  orders starts charge with the key "Ann", audit"#), "\(text)")
        #expect(text.contains(#"yes  charges starts charge with the key "Ann""#), "\(text)")
    }

    @Test("a job whose key has no value is not started, and the reason is told")
    func noKey() throws {
        let text = try trial(#"{"customer": 1.5}"#)
        #expect(text.contains("no   orders, charge: key is 1.5; expected a text or a whole number"), "\(text)")
        #expect(text.contains("yes  orders starts audit\n"), "\(text)")
        #expect(text.contains("no   charges, charge: key is 1.5"), "\(text)")
        #expect(!text.contains("yes  charges"), "\(text)")
    }
}
