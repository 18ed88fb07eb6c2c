import Foundation
import TestServers

/// TLS in front of a broker that has none (`tansu` doesn't take both a certificate and a key): a proxy that wants certificates of
/// its clients, too.
final class TLSProxy {
    let port: Int
    let folder: String
    private var process: ChildProcess?

    private static let script = """
        import socket, ssl, sys, threading
        folder, port, target = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder + '/cert.pem', folder + '/key.pem')
        context.load_verify_locations(folder + '/ca.pem')
        context.verify_mode = ssl.CERT_REQUIRED
        def copy(source, sink):
            try:
                while data := source.recv(65536): sink.sendall(data)
            except OSError: pass
            for end in (source, sink):
                try: end.shutdown(socket.SHUT_RDWR)
                except OSError: pass
        def serve(plain):
            try:
                client = context.wrap_socket(plain, server_side=True)
                broker = socket.create_connection(('127.0.0.1', target))
            except OSError: return plain.close()
            threading.Thread(target=copy, args=(client, broker), daemon=True).start()
            copy(broker, client)
        listener = socket.create_server(('127.0.0.1', port))
        while True: threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
        """

    /// Makes an authority, a certificate for the host `name` and one for a client.
    init(certificateFor name: String) throws {
        port = try TestPort.free()
        folder = FileManager.default.temporaryDirectory.path + "/kafka-tls-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let script = """
            set -e
            openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=authority
            printf 'subjectAltName=\(name)' > names
            for who in '' client-; do
              openssl req -newkey rsa:2048 -nodes -keyout ${who}key.pem -out request.pem -subj /CN=${who}broker
              openssl x509 -req -in request.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out ${who}cert.pem -extfile names
            done
            """
        let child = try ChildProcess(
            "sh", ["-c", script], in: folder, output: folder + "/log", errors: folder + "/log",
            variables: ["LD_PRELOAD": ""])
        guard child.wait() == 0 else { throw TestServerFailure("openssl failed: see \(folder)/log") }
    }

    deinit {
        process?.signal(SIGKILL)
        _ = process?.wait()
        try? FileManager.default.removeItem(atPath: folder)
    }

    func start(before broker: TansuBroker) throws {
        let target = broker.address.split(separator: ":").last.map(String.init) ?? ""
        process = try ChildProcess(
            BrokerTools.program("python"), ["-c", Self.script, folder, "\(port)", target], in: folder,
            output: folder + "/log", errors: folder + "/log", variables: ["LD_PRELOAD": ""])
    }
}
