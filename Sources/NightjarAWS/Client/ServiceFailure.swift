import Foundation
import NIOHTTP1
import NightjarCore

/// What an answer with an error says, in the JSON, query and XML protocols of AWS ("Common errors", API References; Smithy,
/// "AWS JSON 1.0 protocol", operation error serialization).
struct ServiceFailure: Sendable {
    let status: Int
    /// `QueueDoesNotExist`
    let code: String?
    let message: String?
    let retryAfter: Duration?

    init(_ answer: HTTPAnswer) {
        status = answer.status
        let object = try? JSONSerialization.jsonObject(with: Data(answer.body)) as? [String: Any]
        let text = object == nil ? answer.text : ""
        // What the older protocol calls an error is the better known name, where there is one.
        let query = answer.headers.first(name: "x-amzn-query-error")?.split(separator: ";").first.map(String.init)
        let type = answer.headers.first(name: "x-amzn-errortype") ?? object?["__type"] as? String
        code = (query ?? type ?? object?["code"] as? String ?? XMLText.first("Code", in: text)).map(Self.plain)
        message =
            object?["message"] as? String ?? object?["Message"] as? String ?? XMLText.first("Message", in: text)
        retryAfter = answer.headers.first(name: "retry-after").flatMap { Int64($0) }.map {
            .seconds(min(max(0, $0), 3600))
        }
    }

    init(code: String, message: String?) {
        status = 400
        self.code = Self.plain(code)
        self.message = message
        retryAfter = nil
    }

    /// Without namespaces: `com.amazonaws.sqs#QueueDoesNotExist:http://…`, `AWS.SimpleQueueService.NonExistentQueue`.
    private static func plain(_ code: String) -> String {
        let name = code.split(separator: "#").last ?? Substring(code)
        let plain = name.split(separator: ":").first ?? name
        return String(plain.hasPrefix("AWS.SimpleQueueService.") ? plain.dropFirst(23) : plain)
    }

    /// The error that a failed request becomes.
    func error(of service: String) -> AWSError {
        var text = "\(service) answered \(code ?? "HTTP \(status)")"
        // One line of it: the explanation of a wrong signature goes on with what was signed, the session's token included.
        if let line = message?.split(whereSeparator: \.isNewline).first {
            text += ": \(ReasonText.cut(String(line), to: 300))"
        }
        return AWSError(kind, text, serviceCode: code, retryAfter: retryAfter)
    }

    /// What kind of failure it is.
    var kind: AWSError.Code {
        let code = code ?? ""
        if Self.throttling.contains(code) || status == 429 { return .throttled }
        if Self.clock.contains(code) || (Self.signatures.contains(code) && saysTime) { return .clockSkew }
        if Self.credentials.contains(code) || Self.signatures.contains(code) { return .rejectedCredentials }
        if Self.missing.contains(code) || status == 404 { return .notFound }
        if Self.denied.contains(code) || code.hasPrefix("AccessDenied") { return .accessDenied }
        if status == 503 || Self.service.contains(code) || status >= 500 { return .service }
        if status == 401 || status == 403 { return .accessDenied }
        return status == 408 ? .timeout : .invalid
    }

    private var saysTime: Bool {
        guard let message = message?.lowercased() else { return false }
        return message.contains("signature expired") || message.contains("signature not yet current")
    }

    private static let throttling: Set<String> = [
        "BandwidthLimitExceeded", "EC2ThrottledException", "KMS.ThrottlingException", "KmsThrottled",
        "LimitExceededException", "OverLimit", "PriorRequestNotComplete", "RequestLimitExceeded", "RequestThrottled",
        "RequestThrottledException", "SlowDown", "ThrottledException", "Throttling", "ThrottlingException",
        "TooManyRequestsException",
    ]
    private static let clock: Set<String> = ["RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"]
    private static let signatures: Set<String> = ["InvalidSignatureException", "SignatureDoesNotMatch"]
    private static let credentials: Set<String> = [
        "AuthFailure", "ExpiredToken", "ExpiredTokenException", "IncompleteSignature", "InvalidAccessKeyId",
        "InvalidClientTokenId", "InvalidToken", "MissingAuthenticationToken", "MissingAuthenticationTokenException",
        "TokenRefreshRequired", "UnrecognizedClientException",
    ]
    private static let missing: Set<String> = [
        "NonExistentQueue", "QueueDeletedRecently", "QueueDoesNotExist", "ResourceNotFoundException",
    ]
    private static let denied: Set<String> = [
        "AuthorizationError", "InvalidSecurity", "KmsAccessDenied", "NotAuthorized", "OptInRequired",
        "UnauthorizedOperation",
    ]
    private static let service: Set<String> = [
        "InternalError", "InternalFailure", "InternalServerError", "ServiceUnavailable", "ServiceUnavailableException",
    ]
}
