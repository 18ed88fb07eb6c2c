import Foundation

/// A pipe into which librdkafka writes a byte when a queue is no longer empty.
final class EventPipe: Sendable {
    /// Can be read when there is something to do.
    let reading: Int32
    /// Where to write to.
    let writing: Int32

    /// - Throws: `POSIXError` if no descriptors are left.
    init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EMFILE) }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        (reading, writing) = (ends[0], ends[1])
    }

    deinit {
        close(reading)
        close(writing)
    }

    /// Wakes who waits for it, as librdkafka does. A full pipe wakes just as well.
    func wake() {
        var byte: UInt8 = 1
        _ = write(writing, &byte, 1)
    }

    func drain() {
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { bytes in
            while read(reading, bytes.baseAddress, bytes.count) == bytes.count {}
        }
    }
}
