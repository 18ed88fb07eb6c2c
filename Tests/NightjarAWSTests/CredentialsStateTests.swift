import CloudEvents
import Testing

@testable import NightjarAWS

@Suite("When credentials are fetched")
struct CredentialsStateTests {
    private let start = Timestamp(microsecondsSince1970: 1_800_000_000_000_000)
    private let error = AWSError(.credentials, "none")

    private func credentials(_ id: String, for lifetime: Duration?) -> AWSCredentials {
        AWSCredentials(accessKeyID: id, secretAccessKey: "s", expiration: lifetime.map { start + $0 })
    }

    private func name(_ action: CredentialsState.Action) -> String {
        switch action {
        case .use(let credentials): "use \(credentials.accessKeyID)"
        case .fetch: "fetch"
        case .wait: "wait"
        case .fail(let error): "fail \(error)"
        }
    }

    @Test("the first who asks fetches, and the others wait for him")
    func first() {
        var state = CredentialsState()
        #expect(name(state.ask(now: start)) == "fetch")
        #expect(name(state.ask(now: start)) == "wait")
        state.fetched(credentials("a", for: nil), now: start)
        #expect(name(state.ask(now: start + .seconds(1_000_000))) == "use a")
    }

    @Test("five minutes before their end one fetches new ones, while the others use those that are there")
    func ahead() {
        var state = CredentialsState()
        _ = state.ask(now: start)
        state.fetched(credentials("a", for: .seconds(3600)), now: start)
        #expect(name(state.ask(now: start + .seconds(3299))) == "use a")
        #expect(name(state.ask(now: start + .seconds(3300))) == "fetch")
        #expect(name(state.ask(now: start + .seconds(3301))) == "use a")
        state.fetched(credentials("b", for: .seconds(7200)), now: start + .seconds(3302))
        #expect(name(state.ask(now: start + .seconds(3303))) == "use b")
    }

    @Test("credentials of a short life are used for half of it")
    func short() {
        var state = CredentialsState()
        _ = state.ask(now: start)
        state.fetched(credentials("a", for: .seconds(60)), now: start)
        #expect(name(state.ask(now: start + .seconds(29))) == "use a")
        #expect(name(state.ask(now: start + .seconds(30))) == "fetch")
    }

    @Test("while fetching fails, those that are still good are used, until they end")
    func stale() {
        var state = CredentialsState()
        _ = state.ask(now: start)
        state.fetched(credentials("a", for: .seconds(3600)), now: start)
        let late = start + .seconds(3400)
        #expect(name(state.ask(now: late)) == "fetch")
        #expect(state.failed(error, now: late)?.accessKeyID == "a")
        #expect(name(state.ask(now: late)) == "use a", "not tried again at once")
        #expect(name(state.ask(now: late + .seconds(2))) == "fetch")
        #expect(state.failed(error, now: start + .seconds(3601)) == nil)
        #expect(name(state.ask(now: start + .seconds(3601))) == "fail none")
        #expect(name(state.ask(now: start + .seconds(3700))) == "fetch")
    }

    @Test("those that the service does not take are fetched again, unless others came meanwhile")
    func rejected() {
        var state = CredentialsState()
        _ = state.ask(now: start)
        state.fetched(credentials("a", for: nil), now: start)
        state.rejected(credentials("before", for: nil))
        #expect(name(state.ask(now: start)) == "use a")
        state.rejected(credentials("a", for: nil))
        #expect(name(state.ask(now: start)) == "fetch")
    }
}
