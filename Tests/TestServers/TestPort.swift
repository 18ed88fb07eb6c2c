import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Ports on the loopback interface.
public enum TestPort {
    /// One that nobody listens on.
    public static func free() throws -> Int { try free(1)[0] }

    /// Several that nobody listens on, no two the same.
    public static func free(_ count: Int) throws -> [Int] {
        let descriptors = (0..<count).map { _ in tcpSocket() }
        defer { for descriptor in descriptors { close(descriptor) } }
        return try descriptors.map(bound)
    }

    /// Gives a socket a port of its own.
    static func bound(_ descriptor: Int32) throws -> Int {
        var address = loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                bind(descriptor, pointer, length) == 0 ? getsockname(descriptor, pointer, &length) : -1
            }
        }
        guard result == 0 else { throw TestServerFailure("no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// Whether somebody listens on the port.
    public static func answers(_ port: Int) -> Bool {
        let descriptor = tcpSocket()
        defer { close(descriptor) }
        var address = loopback(port)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                connect(descriptor, pointer, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    static func tcpSocket() -> Int32 {
        #if canImport(Darwin)
            socket(AF_INET, SOCK_STREAM, 0)
        #else
            socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #endif
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}

/// A port at which callers are taken and get no answer, as at a server that hangs.
public final class SilentPort: Sendable {
    /// Its number, on 127.0.0.1.
    public let port: Int
    private let descriptor: Int32
    private let caller = Mutex<Int32>(-1)

    /// Listens on a free port.
    public init() throws {
        descriptor = TestPort.tcpSocket()
        port = try TestPort.bound(descriptor)
        guard listen(descriptor, 16) == 0, fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else {
            throw TestServerFailure("cannot listen: \(String(cString: strerror(errno)))")
        }
    }

    deinit {
        close(descriptor)
        let caller = caller.withLock { $0 }
        if caller >= 0 { close(caller) }
    }

    /// Whether somebody has come and said something.
    public func hears() -> Bool {
        caller.withLock { caller in
            if caller < 0 { caller = accept(descriptor, nil, nil) }
            var byte: UInt8 = 0
            return caller >= 0 && recv(caller, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) == 1
        }
    }
}
