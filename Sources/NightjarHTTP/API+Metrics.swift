import Hummingbird
import NIOCore
import NightjarCore

extension API {
    /// What the process counts, and how the node stands now, for Prometheus.
    func metrics() async throws -> Response {
        var text = MetricsText()
        let jobs = try await node.jobs()
        text.begin("nightjar_runs", .gauge)
        for job in jobs {
            for state in RunState.allCases {
                guard let count = job.counts[state] else { continue }
                text.add(
                    "nightjar_runs", MetricsText.labels([("job", job.name), ("state", "\(state)")]), Double(count))
            }
        }
        text.begin("nightjar_runs_in_hand", .gauge)
        for job in jobs {
            text.add("nightjar_runs_in_hand", MetricsText.labels([("job", job.name)]), Double(job.running))
        }
        text.begin("nightjar_source_up", .gauge)
        for trigger in try await node.triggers() {
            text.add(
                "nightjar_source_up", MetricsText.labels([("trigger", trigger.name)]),
                trigger.health == .running ? 1 : 0)
        }
        return Response(
            status: .ok, headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: (configuration.metrics?.text() ?? "") + text.text)))
    }
}
