import HTTPTypes
import Hummingbird

/// Keeps web pages of others from using a server that asks for no token because only this machine reaches it: the
/// visitor's browser reaches it too.
///
/// A browser sends `Origin` with each request that may change something (Fetch, section 3.2). A page whose name was made to
/// point here (DNS rebinding) reads without one, but with its own name as `Host`.
struct OriginCheck: Sendable {
    private let allowed: Set<String>
    private let allowedHosts: Set<String>

    /// - Parameter origins: origins such as `https://shop.example` that are allowed besides this machine's.
    init(_ origins: [String]) {
        allowed = Set(origins.map { $0.lowercased() })
        allowedHosts = Set(allowed.compactMap { $0.split(separator: "/").last.map { Self.name(of: $0) } })
    }

    /// Refuses what a page of another origin sent.
    func checkOrigin(_ request: Request) throws(Problem) {
        guard let origin = request.headers[.origin]?.lowercased() else { return }
        if allowed.contains(origin) { return }
        if let authority = origin.split(separator: "/").last, origin.contains("://"),
            HTTPServerConfiguration.isLoopback(Self.name(of: authority))
        {
            return
        }
        throw Problem(
            .forbidden,
            "pages of \(origin) may not send requests here; expected one of this machine, or of http.origins")
    }

    /// Refuses what was sent to another name than this machine's.
    func checkHost(_ request: Request) throws(Problem) {
        guard let authority = request.head.authority?.lowercased(), !authority.isEmpty else { return }
        let name = Self.name(of: authority[...])
        guard HTTPServerConfiguration.isLoopback(name) || allowedHosts.contains(name) else {
            throw Problem(
                .forbidden,
                "without tokens the API answers only to names of this machine, such as localhost, and those in http.origins; got the host \(name)"
            )
        }
    }

    /// The authority without its port.
    private static func name(of authority: Substring) -> String {
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") { return String(authority[...end]) }
        return String(authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)[0])
    }
}
