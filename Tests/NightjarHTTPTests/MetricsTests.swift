import Metrics
import Testing

@testable import NightjarHTTP

@Suite("Metrics")
struct MetricsTests {
    @Test("counters add up, gauges keep the last value, timers their count and their sum in seconds")
    func text() {
        let registry = MetricsRegistry()
        registry.makeCounter(label: "taken", dimensions: [("trigger", "b")]).increment(by: 3)
        registry.makeCounter(label: "taken", dimensions: [("trigger", "a")]).increment(by: 1)
        registry.makeCounter(label: "taken", dimensions: [("trigger", "b")]).increment(by: 4)
        let gauge = registry.makeRecorder(label: "waiting", dimensions: [], aggregate: false)
        gauge.record(Int64(10))
        gauge.record(Int64(7))
        let timer = registry.makeTimer(label: "call.seconds", dimensions: [])
        timer.recordNanoseconds(1_500_000_000)
        timer.recordNanoseconds(500_000_000)
        #expect(
            registry.text() == """
                # TYPE call_seconds summary
                call_seconds_count 2
                call_seconds_sum 2
                # TYPE taken_total counter
                taken_total{trigger="a"} 1
                taken_total{trigger="b"} 7
                # TYPE waiting gauge
                waiting 7

                """)
    }

    @Test("labels are sorted, and what would end them is escaped")
    func labels() {
        #expect(MetricsText.labels([("b", "x\"y\\z\n"), ("a", "1")]) == #"{a="1",b="x\"y\\z\n"}"#)
        #expect(MetricsText.name("9 lives-left") == "__lives_left")
    }

    @Test("a node tells what its runs do and how its sources fare")
    func served() async throws {
        try await withServer { (server) async throws -> Void in
            _ = try await server.request("POST", "/v1/jobs/hopeless/runs", headers: ["prefer": "wait=10"], body: "{}")
            let answer = try await server.request("GET", "/metrics")
            #expect(answer.status == 200)
            #expect(answer.text.contains("nightjar_runs{job=\"hopeless\",state=\"dead\"} 1"))
            #expect(answer.text.contains("# TYPE nightjar_source_up gauge"))
        }
    }
}
