import AsyncHTTPClient
import Foundation
import NIOCore
import NIOPosix

/// Says to people why a request got no answer.
enum NetworkFailure {
    static func error(_ error: any Error) -> AWSError {
        if let error = error as? AWSError { return error }
        if let error = error as? HTTPClientError {
            let timeouts: [HTTPClientError] = [
                .deadlineExceeded, .connectTimeout, .readTimeout, .getConnectionFromPoolTimeout,
            ]
            if timeouts.contains(error) {
                return AWSError(.timeout, "no answer in time: \(error.shortDescription)", underlying: error)
            }
        }
        return AWSError(.network, describe(error), underlying: error)
    }

    private static func describe(_ error: any Error) -> String {
        switch error {
        case let error as HTTPClientError: error.shortDescription
        case let error as NIOConnectionError: describe(error)
        case let error as IOError: String(cString: strerror(error.errnoCode))
        default: "\(error)"
        }
    }

    private static func describe(_ error: NIOConnectionError) -> String {
        let place = "\(error.host):\(error.port)"
        if let failure = error.connectionErrors.first {
            return "no connection to \(place): \(describe(failure.error))"
        }
        if let failure = error.dnsAError ?? error.dnsAAAAError { return "\(error.host) was not found: \(failure)" }
        return "no connection to \(place)"
    }
}
