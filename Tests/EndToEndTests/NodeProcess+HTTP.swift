import Foundation

extension NodeProcess {
    /// What the node answered.
    struct Response {
        var status: Int
        var headers: [String: String]
        var body: String

        /// The body as a JSON object.
        var json: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(body.utf8))) as? [String: Any] ?? [:]
        }
    }

    /// Sends a request over a connection of its own, so that each byte is under the test's control.
    func request(
        _ method: String, _ path: String, headers: [(String, String)] = [], body: String? = nil
    ) async throws -> Response {
        var text = "\(method) \(path) HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if let body { text += "content-length: \(body.utf8.count)\r\n" }
        text += "\r\n" + (body ?? "")
        let answer = try await exchange(Array(text.utf8))
        guard let response = Self.parse(answer) else {
            throw URLError(.badServerResponse)
        }
        return response
    }

    /// Sends bytes and reads what comes until the connection is closed.
    func exchange(_ bytes: [UInt8], halfClose: Bool = false, timeoutSeconds: Int = 30) async throws -> [UInt8] {
        let port = port
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(with: Result { try Self.talk(port, bytes, halfClose, timeoutSeconds) })
            }
        }
    }

    private static func talk(_ port: Int, _ bytes: [UInt8], _ halfClose: Bool, _ timeoutSeconds: Int) throws -> [UInt8]
    {
        let descriptor = try connect(to: port)
        defer { close(descriptor) }
        var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        send(bytes, to: descriptor)
        if halfClose { shutdown(descriptor, Int32(SHUT_WR)) }
        var answer: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count <= 0 { break }
            answer += buffer[0..<count]
            // A whole answer with a length does not wait for the other side to close.
            if let response = parse(answer), let length = response.headers["content-length"].flatMap({ Int($0) }),
                response.body.utf8.count >= length
            {
                break
            }
        }
        return answer
    }

    private static func connect(to port: Int) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            close(descriptor)
            throw URLError(.cannotConnectToHost)
        }
        return descriptor
    }

    private static func send(_ bytes: [UInt8], to descriptor: Int32) {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress?.advanced(by: sent), $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return }
            sent += count
        }
    }

    /// Sends a request, and answers the connection without having read from it: whoever called closes it.
    func requestUnread(_ text: String) throws -> Int32 {
        let descriptor = try Self.connect(to: port)
        Self.send(Array(text.utf8), to: descriptor)
        return descriptor
    }

    static func parse(_ bytes: [UInt8]) -> Response? {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let end = text.range(of: "\r\n\r\n") else { return nil }
        let lines = text[..<end.lowerBound].components(separatedBy: "\r\n")
        let parts = lines[0].split(separator: " ")
        guard parts.count > 1, let status = Int(parts[1]) else { return nil }
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(
                in: .whitespaces)
        }
        return Response(status: status, headers: headers, body: String(text[end.upperBound...]))
    }

    /// Waits until the run is finished, and answers it.
    func finishedRun(_ id: String, within seconds: Double = 30) async throws -> [String: Any] {
        var run: [String: Any] = [:]
        try await eventually("run \(id) is finished", within: seconds) {
            run = try await self.request("GET", "/v1/runs/\(id)").json
            return ["completed", "dead", "cancelled"].contains(run["state"] as? String ?? "")
        }
        return run
    }
}
