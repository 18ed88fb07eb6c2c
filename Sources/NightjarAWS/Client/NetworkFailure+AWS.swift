import AsyncHTTPClient
import NetworkFailures

extension NetworkFailure {
    /// What a request's failure means.
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
}
