import CloudEvents
import Foundation
import Histogram

/// Prints what `nightjar bench` measured.
struct BenchReport {
    let isJSON: Bool

    func progress(_ text: String) {
        FileHandle.standardError.write(Data("measuring: \(text)\n".utf8))
    }

    func print(
        raw: Double, commit: Bench.Latencies, lifecycle: Double, latency: Bench.Latencies,
        posts: (perSecond: Double, latencies: Bench.Latencies), connections: Int,
        expressions: ExpressionBench.Figures
    ) {
        let commitMedian = Double(commit.valueAtPercentile(50))
        let median = Double(latency.valueAtPercentile(50))
        let rows: [(name: String, key: String, value: Double, unit: String)] = [
            ("raw SQLite lifecycle, groups of 1,000", "rawLifecyclePerSecond", raw, "runs/s"),
            ("lifecycle (accept, claim, no-op, settle)", "lifecyclePerSecond", lifecycle, "runs/s"),
            ("  of the raw limit", "lifecycleRatio", lifecycle / raw, ""),
            ("raw durable commit of one event, median", "commitMicroseconds", commitMedian, "µs"),
            ("event to job start, median", "startMedianMicroseconds", median, "µs"),
            ("event to job start, 99th percentile", "start99Microseconds", Double(latency.valueAtPercentile(99)), "µs"),
            ("  median in durable commits", "startCommits", median / max(1, commitMedian), ""),
            ("durable POST/s, \(connections) connections", "postsPerSecond", posts.perSecond, "/s"),
            ("  answer, median", "postMedianMicroseconds", Double(posts.latencies.valueAtPercentile(50)), "µs"),
            ("  answer, 99th percentile", "post99Microseconds", Double(posts.latencies.valueAtPercentile(99)), "µs"),
            ("Foundation decodes 1 kB of JSON, one core", "foundationDecodesPerSecond", expressions.foundation, "/s"),
            ("condition on a new event of 1 kB, one core", "conditionsDecodingPerSecond", expressions.decoding, "/s"),
            ("condition on a decoded event, one core", "conditionsPerSecond", expressions.decoded, "/s"),
            ("intake with one trigger, groups of 500", "intakeOneTriggerPerSecond", expressions.oneTrigger, "events/s"),
            (
                "  with 1,000 triggers for other types", "intakeManyTriggersPerSecond", expressions.manyTriggers,
                "events/s"
            ),
            ("  of the rate with one", "intakeRatio", expressions.manyTriggers / expressions.oneTrigger, ""),
        ]
        if isJSON {
            var writer = JSONWriter()
            writer.beginObject()
            for row in rows {
                writer.key(row.key)
                writer.double((row.value * 1000).rounded() / 1000)
            }
            writer.endObject()
            Swift.print(String(decoding: writer.bytes, as: UTF8.self))
            return
        }
        for row in rows {
            let value = row.unit.isEmpty ? String(format: "%.2f", row.value) : String(format: "%.0f", row.value)
            let name = row.name.padding(toLength: 44, withPad: " ", startingAt: 0)
            Swift.print(name + String(repeating: " ", count: max(1, 12 - value.count)) + value + " " + row.unit)
        }
    }
}
