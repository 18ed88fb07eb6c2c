import CloudEvents
public import Expressions
public import NightjarCore

extension Job {
    /// A job that does many events in one run, each decoded from JSON.
    ///
    /// Throw ``NightjarCore/BatchFailure`` with the indices of the values that failed: the others are done, and the next
    /// attempt gets those that are left. A value that cannot be decoded is not handed over and fails singly; when no others are
    /// left, the run is dead: another attempt would read the same bytes.
    /// - Parameters:
    ///   - name: the job's name.
    ///   - item: what the data of each event is decoded as.
    ///   - size: how many a run has at most, up to 10,000.
    ///   - within: how long after the first event the run begins at the latest.
    ///   - key: only events of the same key are one run: an expression over the event.
    ///   - retry: when a failed run is tried again.
    ///   - timeout: how long an attempt may take.
    ///   - concurrency: how many runs of this job a node does at once.
    ///   - body: does the work. The values stand in the order of ``NightjarCore/RunContext/items``.
    public init<Item: Decodable & SendableMetatype>(
        _ name: String, batchOf item: Item.Type, size: Int, within: Duration, key: CELExpression? = nil,
        retry: RetryPolicy = .default, timeout: Duration? = nil, concurrency: Int? = nil,
        _ body: @escaping @Sendable ([Item], RunContext) async throws -> Void
    ) {
        self.init(
            name, batchOf: item,
            policy: JobPolicy(
                retry: retry, timeout: timeout, concurrency: concurrency,
                batch: BatchPolicy(size: size, within: within, key: key)), body)
    }

    /// A job that does many events in one run, each decoded from JSON, with a policy that has a ``NightjarCore/BatchPolicy`` or
    /// a ``NightjarCore/DebouncePolicy`` that keeps all.
    public init<Item: Decodable & SendableMetatype>(
        _ name: String, batchOf item: Item.Type, policy: JobPolicy,
        _ body: @escaping @Sendable ([Item], RunContext) async throws -> Void
    ) {
        self.init(
            name, policy: policy,
            handler: ClosureHandler { context in
                try await TypedBatch<Item>(context).run(context, body)
                return .none
            })
    }
}

/// The values of a batch, and those of its items that are none.
private struct TypedBatch<Item: Decodable & SendableMetatype> {
    private var values: [Item] = []
    /// Where the values stand in the batch.
    private var indices: [Int] = []
    /// Why others are no values, by their index.
    private var unreadable: [Int: String] = [:]

    init(_ context: RunContext) {
        // A run that was made before the job had batches is one of a single event.
        let events = context.items.isEmpty ? [context.event] : context.items
        for (index, event) in events.enumerated() {
            do {
                values.append(try Job.decode(Item.self, event.data ?? []))
                indices.append(index)
            } catch {
                unreadable[index] = "it is not the JSON of a \(Item.self): \(error)"
            }
        }
    }

    func run(_ context: RunContext, _ body: ([Item], RunContext) async throws -> Void) async throws {
        let count = values.count + unreadable.count
        guard !values.isEmpty else {
            throw RunFailure.never(BatchFailure(items: unreadable).message(of: count))
        }
        guard !unreadable.isEmpty else { return try await body(values, context) }
        var failure = BatchFailure(items: unreadable)
        do {
            try await body(values, context.narrowed(to: indices.map { context.items[$0] }))
        } catch let error as BatchFailure {
            // Which of them failed cannot be told: those that cannot be read change nothing in that.
            guard !error.done(of: values.count).isEmpty || error.items.count == values.count else {
                throw RunFailure(
                    error.message(of: values.count), error.disposition, code: error.code, output: error.output)
            }
            failure.disposition = error.disposition
            failure.code = error.code
            failure.output = error.output
            for (index, reason) in error.items where values.indices.contains(index) {
                failure.items[indices[index]] = reason
            }
        }
        throw failure
    }
}
