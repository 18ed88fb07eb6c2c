import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Ports on the loopback interface. None is given twice before all others have been.
///
/// They are taken from below those that the system gives to whoever asks for any (Linux: from 32,768, macOS: from 49,152): one of
/// these could become somebody's end of a connection before its server has started, or while that is down.
public enum TestPort {
    private static let range = 12_000..<32_000
    private static let next = Mutex(Int.random(in: range))

    /// One that nobody listens on.
    public static func free() throws -> Int {
        for _ in range {
            let port = next.withLock { next in
                defer { next = next + 1 < range.upperBound ? next + 1 : range.lowerBound }
                return next
            }
            let descriptor = tcpSocket()
            defer { close(descriptor) }
            if take(port, on: descriptor) { return port }
        }
        throw TestServerFailure("no free port in \(range)")
    }

    /// Gives a socket this port, if nobody has it.
    static func take(_ port: Int, on descriptor: Int32) -> Bool {
        withAddress(port) { bind(descriptor, $0, $1) == 0 }
    }

    /// Whether somebody listens on the port.
    public static func answers(_ port: Int) -> Bool {
        let descriptor = tcpSocket()
        defer { close(descriptor) }
        return withAddress(port) { connect(descriptor, $0, $1) == 0 }
    }

    static func tcpSocket() -> Int32 {
        #if canImport(Darwin)
            socket(AF_INET, SOCK_STREAM, 0)
        #else
            socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        #endif
    }

    private static func withAddress<Result>(
        _ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
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
        port = try TestPort.free()
        descriptor = TestPort.tcpSocket()
        guard TestPort.take(port, on: descriptor), listen(descriptor, 16) == 0,
            fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0
        else {
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
