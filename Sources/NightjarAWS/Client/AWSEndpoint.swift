import Foundation

/// Where a service is reached.
struct AWSEndpoint: Sendable, Hashable {
    /// The URL without a slash at its end.
    let url: String
    /// As the header `Host` has it: with the port, unless that is the scheme's own.
    let host: String
    /// The path before the service's own, as it stands in the URL; empty if there is none.
    let path: String

    /// Reads an HTTP URL; `nil` if the text is none, or has a user or a query.
    init?(url text: String) {
        guard let parts = URLComponents(string: text), let scheme = parts.scheme?.lowercased(),
            let host = parts.host?.lowercased(), !host.isEmpty, parts.user == nil, parts.password == nil,
            parts.query == nil, parts.fragment == nil, let usual = ["http": 80, "https": 443][scheme]
        else { return nil }
        if let port = parts.port, port != usual { self.host = "\(host):\(port)" } else { self.host = host }
        var path = parts.percentEncodedPath
        while path.hasSuffix("/") { path.removeLast() }
        self.path = path
        self.url = "\(scheme)://\(self.host)\(path)"
    }

    private init(host: String) {
        self.host = host
        path = ""
        url = "https://\(host)"
    }

    /// AWS's own for a service in a region.
    static func aws(_ service: String, region: String) -> AWSEndpoint {
        // The partitions of AWS and the ends of their hosts' names (AWS SDKs, "partitions.json").
        let suffixes = [
            ("cn-", "amazonaws.com.cn"), ("us-isob-", "sc2s.sgov.gov"), ("us-isof-", "csp.hci.ic.gov"),
            ("eu-isoe-", "cloud.adc-e.uk"), ("us-iso-", "c2s.ic.gov"), ("eusc-", "amazonaws.eu"),
        ]
        let suffix = suffixes.first { region.hasPrefix($0.0) }?.1 ?? "amazonaws.com"
        return AWSEndpoint(host: "\(service).\(region).\(suffix)")
    }

    /// The region in the name of one of AWS's own hosts for queues: `sqs.eu-west-1.amazonaws.com`,
    /// `eu-west-1.queue.amazonaws.com`, `vpce-….sqs.eu-west-1.vpce.amazonaws.com`; `nil` for any other.
    static func region(ofQueueHost host: String) -> String? {
        let labels = host.lowercased().split(separator: ".").map(String.init)
        guard host.contains(".amazonaws."), labels.count >= 3 else { return nil }
        if labels[0] == "queue" { return "us-east-1" }
        if labels.count > 1, labels[1] == "queue" { return labels[0] }
        guard let index = labels.firstIndex(where: { $0 == "sqs" || $0 == "sqs-fips" }), index + 1 < labels.count
        else { return nil }
        let region = labels[index + 1]
        return AWSOptions.isRegion(region) && region.contains("-") ? region : nil
    }
}
