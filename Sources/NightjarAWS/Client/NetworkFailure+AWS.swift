import AsyncHTTPClient
import NetworkFailures

extension NetworkFailure {
    /// What a request's failure means.
    static func error(_ error: any Error) -> AWSError {
        if let error = error as? AWSError { return error }
        let timeouts: [HTTPClientError] = [
            .deadlineExceeded, .connectTimeout, .readTimeout, .getConnectionFromPoolTimeout,
        ]
        if let error = error as? HTTPClientError, timeouts.contains(error) {
            return AWSError(.timeout, "no answer in time: \(describe(error))", underlying: error)
        }
        return AWSError(.network, describe(error), underlying: error)
    }
}
