import Foundation
import TestServers

/// A CA, and a server's and a client's certificates of it, made by `openssl`.
final class TestCertificates: Sendable {
    private let folder: URL

    var ca: String { path("ca.pem") }
    var server: String { path("server.pem") }
    var serverKey: String { path("server.key") }
    var client: String { path("client.pem") }
    var clientKey: String { path("client.key") }

    /// - Parameter name: the server's name.
    init(name: String) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let script = """
            set -e
            openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem
            for who in server client; do
              openssl req -newkey rsa:2048 -nodes -subj /CN=$who -keyout $who.key -out $who.csr
              echo "subjectAltName=DNS:\(name)" > $who.ext
              openssl x509 -req -days 2 -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile $who.ext -out $who.pem
            done
            """
        try Data(script.utf8).write(to: folder.appendingPathComponent("make"))
        let made = try ChildProcess(
            "/bin/sh", ["make"], in: folder.path, output: path("output"), errors: path("errors"))
        guard made.wait() == 0 else {
            throw TestServerFailure(
                "openssl failed: \((try? String(contentsOfFile: path("errors"), encoding: .utf8)) ?? "")")
        }
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    private func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
}
