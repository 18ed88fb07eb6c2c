import NightjarSQLite
import NightjarTestKit
import Testing

@Suite("SQLite store, conformance")
struct ConformanceTests {
    @Test("the SQLite store keeps the contract of a run store", arguments: RunStoreConformance.cases)
    func conforms(_ behaviour: RunStoreCase) async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("nightjar.db"))
        try await behaviour.check(against: store)
        try store.close()
    }
}
