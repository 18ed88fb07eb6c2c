public import NightjarCore

/// One behaviour that every ``NightjarCore/RunStore`` has to show.
public struct RunStoreCase: Sendable, CustomStringConvertible {
    /// The behaviour, as a sentence.
    public let name: String
    /// Shows it on an empty store; throws ``ConformanceFailure``, or what the store threw, if the store does otherwise.
    public let run: @Sendable (any RunStore) async throws -> Void

    /// A case of this name.
    public init(_ name: String, run: @escaping @Sendable (any RunStore) async throws -> Void) {
        self.name = name
        self.run = run
    }

    /// A case that plays a scene.
    static func scene(
        _ name: String, _ play: @escaping @Sendable (StoreScene) async throws -> Void
    ) -> RunStoreCase {
        RunStoreCase(name) { store in try await play(StoreScene(store)) }
    }

    /// The name.
    public var description: String { name }

    /// Shows the behaviour on `store`, which has to be empty.
    public func check(against store: any RunStore) async throws {
        try await run(store)
    }
}

/// What a store is held to: every promise of ``NightjarCore/RunStore``, as values.
///
/// A store joins the suite in three lines of Swift Testing, and each behaviour is reported as a case of its own:
///
/// ```swift
/// @Test("the store keeps the contract", arguments: RunStoreConformance.cases)
/// func conforms(_ behaviour: RunStoreCase) async throws {
///     try await behaviour.check(against: MyStore())
/// }
/// ```
public enum RunStoreConformance {
    /// Every behaviour. No two have the same name.
    public static let cases: [RunStoreCase] =
        acceptance + earlier + fidelity + claims + leases + settlements + emissions + rescues + commands + commandTable
        + listings + records + upkeep + keys + rates + ranks + suspects + circumstances + uniqueCases + collectCases
        + bulkCases + replayCases + concurrency
}

/// A store did not do what its contract says.
public struct ConformanceFailure: Error, Sendable, CustomStringConvertible {
    /// What was expected, in words.
    public let expectation: String
    /// What the store answered.
    public let actual: String
    /// What it should have answered.
    public let expected: String
    /// The case's file.
    public let file: String
    /// The line in that file.
    public let line: UInt

    /// All of it, on a few lines.
    public var description: String {
        "\(expectation)\n  expected: \(expected)\n  actual:   \(actual)\n  at \(file):\(line)"
    }
}
