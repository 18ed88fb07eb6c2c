import AsyncHTTPClient
import NIOCore
import NIOPosix
import SystemPackage

/// Says to people why a request of the HTTP client got no answer.
package enum NetworkFailure {
    /// The reason, without what the client's own types add to it.
    package static func describe(_ error: any Error) -> String {
        switch error {
        case let error as HTTPClientError: error.shortDescription
        case let error as NIOConnectionError: describe(error)
        case let error as IOError: Errno(rawValue: error.errnoCode).description
        default: "\(error)"
        }
    }

    private static func describe(_ error: NIOConnectionError) -> String {
        let place = "\(error.host):\(error.port)"
        if let failure = error.connectionErrors.first {
            return "no connection to \(place): \(describe(failure.error))"
        }
        if let failure = error.dnsAError ?? error.dnsAAAAError {
            let reason = (failure as? SocketAddressError.UnknownHost)?.errorDescription ?? "\(failure)"
            return "\(error.host) was not found: \(reason)"
        }
        return "no connection to \(place)"
    }
}
