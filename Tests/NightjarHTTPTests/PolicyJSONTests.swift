import CloudEvents
import Expressions
import NightjarCore
import Testing

@testable import NightjarHTTP

@Suite("A job in JSON")
struct PolicyJSONTests {
    private func text(_ policy: JobPolicy, pausedKeys: [String] = []) -> String {
        var writer = JSONWriter()
        writer.job(
            JobStatus(
                name: "j", kind: "command", policy: policy, isPaused: false, pausedKeys: pausedKeys, running: 0,
                counts: [:]))
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test("every setting is shown under its name in the configuration file")
    func everything() throws {
        let retry = RetryPolicy(
            attempts: 3, backoff: .schedule([.seconds(1), .milliseconds(1500)]), deadline: .seconds(60),
            rules: [
                .init(
                    codes: ["429", "404"], attempts: 9,
                    backoff: .exponential(from: .seconds(1), upTo: .seconds(8), jitter: false))
            ], crashes: 2)
        let policy = JobPolicy(
            retry: retry, timeout: .seconds(5), concurrency: 4, priority: 7, expires: .seconds(30), weight: 2,
            rate: RateLimit(10, per: .seconds(1), burst: 3), key: try CELExpression("event.subject", in: .event),
            perKey: KeyPolicy(
                isOrdered: true, whenDead: .stop, concurrency: 1, rate: RateLimit(1, per: .seconds(2), excess: .drop)))
        let text = text(policy, pausedKeys: ["a"])
        for part in [
            #""pausedKeys":["a"]"#, #""schedule":[1,1.5]"#, #""deadline":60"#, #""crashes":2"#,
            #""byCode":[{"codes":["404","429"],"attempts":9,"from":1,"upTo":8,"jitter":false}]"#,
            #""timeout":5,"concurrency":4,"weight":2,"priority":7,"expires":30"#,
            #""rate":{"limit":10,"per":1,"burst":3,"excess":"wait"},"key":"event.subject","#,
            #""perKey":{"order":true,"whenDead":"stop","concurrency":1,"rate":{"limit":1,"per":2,"burst":1,"excess":"drop"}}"#,
        ] { #expect(text.contains(part), "\(part) is not in \(text)") }
        #expect(JSONText.isValid(Array(text.utf8)))
    }

    @Test("what a job does not have is not shown")
    func defaults() {
        let text = text(JobPolicy())
        for name in ["timeout", "expires", "rate", "perKey", "pausedKeys", "byCode", "deadline"] {
            #expect(!text.contains("\"\(name)\""), "\(name) is in \(text)")
        }
    }

    @Test("what becomes of second events is shown too")
    func secondEvents() throws {
        let key = try CELExpression("event.subject", in: .event)
        for (policy, part) in [
            (
                JobPolicy(unique: UniquePolicy(key: key, window: .seconds(60), states: [.running], second: .extend)),
                #""unique":{"key":"event.subject","window":60,"states":["running"],"second":"extend"}"#
            ),
            (
                JobPolicy(debounce: DebouncePolicy(wait: .seconds(1), atMost: .seconds(9), keep: .all)),
                #""debounce":{"wait":1,"atMost":9,"keep":"all"}"#
            ),
            (
                JobPolicy(batch: BatchPolicy(size: 5, within: .seconds(2), key: key)),
                #""batch":{"size":5,"within":2,"key":"event.subject"}"#
            ),
        ] {
            let text = text(policy)
            #expect(text.contains(part), "\(part) is not in \(text)")
        }
    }

    @Test("a batch is shown with the number of its items, not with its first event as the input")
    func batchRun() {
        let start = Timestamp(microsecondsSince1970: 1_800_000_000_000_000)
        var run = Run(
            id: RunID(high: 7 << 16 | 0x7000, low: 1 << 63), job: "j", state: .dead, trigger: nil,
            event: Event(id: "1", source: "/s", type: "t", dataContentType: "application/json", data: Array("1".utf8)),
            priority: 0, createdAt: start, runAt: start)
        var alone = JSONWriter()
        alone.run(run)
        #expect(String(decoding: alone.bytes, as: UTF8.self).contains(#""input":1"#))
        run.items = 5
        run.itemsDone = 4
        var batch = JSONWriter()
        batch.run(run)
        let text = String(decoding: batch.bytes, as: UTF8.self)
        #expect(
            !text.contains("\"input\"") && text.contains(#""items":5"#) && text.contains(#""itemsDone":4"#), "\(text)")
    }
}
