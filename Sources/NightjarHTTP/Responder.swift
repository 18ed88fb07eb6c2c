import CloudEvents
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NightjarCore
import Synchronization

/// Finds the route or endpoint of a request, checks who asks, and turns errors into problems.
final class Responder: HTTPResponder {
    typealias Context = BasicRequestContext

    private struct EndpointKey: Hashable {
        var method: String
        var path: String
    }

    private struct Guarded: Sendable {
        var endpoint: HTTPEndpoint
        var secret: SecretComparison
    }

    private let api: API
    private let routes: [Route]
    private let tokens: SecretComparison
    private let origins: OriginCheck
    private let endpoints: Mutex<[EndpointKey: Guarded]>
    private let logger: Logger

    init(_ api: API, routes: [Route], endpoints: [HTTPEndpoint], logger: Logger) {
        self.api = api
        self.routes = routes
        self.logger = logger
        tokens = SecretComparison(api.configuration.tokens.map(\.secret))
        origins = OriginCheck(api.configuration.origins)
        self.endpoints = Mutex([:])
        update(endpoints)
    }

    /// Serves these endpoints from now on.
    func update(_ list: [HTTPEndpoint]) {
        var table: [EndpointKey: Guarded] = [:]
        for endpoint in list {
            let secrets: [String] =
                switch endpoint.authentication {
                case .none: []
                case .bearer(let secret), .header(_, let secret): [secret]
                }
            table[EndpointKey(method: endpoint.method, path: endpoint.path)] = Guarded(
                endpoint: endpoint, secret: SecretComparison(secrets))
        }
        endpoints.withLock { $0 = table }
    }

    func respond(to request: Request, context: BasicRequestContext) async throws -> Response {
        do {
            return try await answer(request)
        } catch let error as CancellationError {
            throw error
        } catch {
            if let problem = Problem.of(error) { return problem.response }
            // A client that went away in the middle of its request: nothing was taken, and nobody reads an answer.
            logger.debug("a request failed", metadata: ["path": "\(request.uri.path)", "error": "\(error)"])
            var problem = Problem(.badRequest, "the request could not be read to its end")
            problem.headers[.connection] = "close"
            return problem.response
        }
    }

    private func answer(_ request: Request) async throws -> Response {
        let reader = RequestReader(request: request, limits: api.configuration)
        let path = request.uri.path
        let (endpoint, ofEndpoints) = endpoints.withLock { table in
            (
                table[EndpointKey(method: request.method.rawValue, path: path)],
                table.keys.filter { $0.path == path }.map(\.method)
            )
        }
        if let endpoint {
            try authenticate(request, endpoint)
            return try await api.receive(endpoint.endpoint, reader)
        }
        let segments = path.split(separator: "/")
        var allowed = ofEndpoints
        for route in routes {
            guard let parameters = try route.parameters(segments) else { continue }
            let isHead = request.method == .head && route.method == .get
            guard route.method == request.method || isHead else {
                allowed.append(route.method.rawValue)
                continue
            }
            if route.needsToken { try authenticate(request) }
            if let known = route.query { try reader.checkQuery(known) }
            let response = try await route.handler(api, reader, parameters)
            return isHead ? response.createHeadResponse() : response
        }
        guard !allowed.isEmpty else { throw Problem(.notFound, "nothing is served at \(path)") }
        let methods = Set(allowed).sorted().joined(separator: ", ")
        var problem = Problem(.methodNotAllowed, "\(request.method.rawValue) is not allowed here; expected \(methods)")
        problem.headers[.allow] = methods
        throw problem
    }

    private func authenticate(_ request: Request) throws {
        guard !api.configuration.tokens.isEmpty else {
            try origins.checkHost(request)
            return try origins.checkOrigin(request)
        }
        guard let token = Self.bearer(request), tokens.contains(token) else { throw Self.unauthorized() }
    }

    private func authenticate(_ request: Request, _ guarded: Guarded) throws {
        switch guarded.endpoint.authentication {
        case .none:
            // Beyond loopback it was made to be open; here it is open only because nobody else gets here.
            if api.configuration.isLoopback { try origins.checkOrigin(request) }
        case .bearer:
            guard let token = Self.bearer(request), guarded.secret.contains(token) else { throw Self.unauthorized() }
        case .header(let name, _):
            guard let field = HTTPField.Name(name), let value = request.headers[field], guarded.secret.contains(value)
            else { throw Problem(.unauthorized, "the header \(name) with the right secret is missing") }
        }
    }

    private static func bearer(_ request: Request) -> Substring? {
        guard let value = request.headers[.authorization], value.lowercased().hasPrefix("bearer ") else { return nil }
        return value.dropFirst(7)
    }

    private static func unauthorized() -> Problem {
        var problem = Problem(.unauthorized, "a valid token is needed: Authorization: Bearer …")
        problem.headers[.wwwAuthenticate] = "Bearer"
        return problem
    }
}
