import Synchronization

/// Where a node's random numbers come from: the system, or a seeded generator in a simulation.
public final class RandomSource: Sendable {
    private let generator: Mutex<any RandomNumberGenerator & Sendable>

    /// A source that draws from `generator`.
    public init(_ generator: any RandomNumberGenerator & Sendable = SystemRandomNumberGenerator()) {
        self.generator = Mutex(generator)
    }

    /// Draws from the generator, alone.
    func withGenerator<Value: Sendable>(_ body: (inout AnyGenerator) throws -> Value) rethrows -> Value {
        try generator.withLock { generator in
            var any = AnyGenerator(base: generator)
            defer { generator = any.base }
            return try body(&any)
        }
    }

    /// A generator of any kind.
    struct AnyGenerator: RandomNumberGenerator {
        fileprivate var base: any RandomNumberGenerator & Sendable

        mutating func next() -> UInt64 { base.next() }
    }
}
