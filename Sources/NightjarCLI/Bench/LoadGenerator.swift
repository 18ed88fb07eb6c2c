import CloudEvents
import Foundation
import Histogram
import NIOCore
import NIOPosix
import NightjarCore

/// Sends CloudEvents over keep-alive connections as fast as they are answered. Small on purpose: it shares the machine with
/// what it measures.
struct LoadGenerator: Sendable {
    let port: Int
    let connections: Int
    let payload: [UInt8]

    /// What an answer other than 202 means for a measurement: it is none.
    struct UnexpectedAnswer: Error, CustomStringConvertible {
        var description: String
    }

    func run(for duration: Duration) async throws -> (perSecond: Double, latencies: Histogram<UInt64>) {
        let start = ContinuousClock().now
        let deadline = start + duration
        let results = try await withThrowingTaskGroup(of: [UInt64].self) { group in
            for connection in 0..<connections {
                group.addTask { try await send(connection, until: deadline) }
            }
            return try await group.reduce(into: [UInt64]()) { $0 += $1 }
        }
        let elapsed = Double((ContinuousClock().now - start).microseconds) / 1_000_000
        var latencies = Histogram<UInt64>(numberOfSignificantValueDigits: .three)
        for latency in results { latencies.record(latency) }
        return (Double(results.count) / elapsed, latencies)
    }

    private func send(_ connection: Int, until deadline: ContinuousClock.Instant) async throws -> [UInt64] {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup).connect(
            host: "127.0.0.1", port: port
        ) { channel in
            channel.eventLoop.makeCompletedFuture {
                try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
            }
        }
        return try await channel.executeThenClose { inbound, outbound in
            var latencies: [UInt64] = []
            var answers = inbound.makeAsyncIterator()
            let clock = ContinuousClock()
            while clock.now < deadline {
                let sent = clock.now
                try await outbound.write(request("\(connection)-\(latencies.count)-\(UInt64.random(in: 0 ... .max))"))
                try await readAnswer(&answers)
                latencies.append(UInt64((clock.now - sent).microseconds))
            }
            return latencies
        }
    }

    private func request(_ id: String) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeString(
            """
            POST /v1/events HTTP/1.1\r
            host: 127.0.0.1\r
            content-type: application/json\r
            ce-specversion: 1.0\r
            ce-id: \(id)\r
            ce-source: /bench\r
            ce-type: bench\r
            content-length: \(payload.count)\r
            \r\n
            """)
        buffer.writeBytes(payload)
        return buffer
    }

    /// Reads one answer: its head, then as many bytes as it announces.
    private func readAnswer(_ answers: inout NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator) async throws {
        var bytes: [UInt8] = []
        while let chunk = try await answers.next() {
            bytes += chunk.readableBytesView
            let text = String(decoding: bytes, as: UTF8.self)
            guard let end = text.range(of: "\r\n\r\n") else { continue }
            guard text.hasPrefix("HTTP/1.1 202") else { throw UnexpectedAnswer(description: String(text.prefix(300))) }
            let head = text[..<end.lowerBound].lowercased()
            guard let field = head.range(of: "content-length: "),
                let length = Int(head[field.upperBound...].prefix { $0.isNumber })
            else { throw UnexpectedAnswer(description: String(text.prefix(300))) }
            if text[end.upperBound...].utf8.count >= length { return }
        }
        throw UnexpectedAnswer(description: "the connection was closed")
    }
}
