import CloudEvents
import HTTPTypes
import Hummingbird
import NIOCore
import NightjarCore
import ServiceLifecycle

/// Changes of runs as server-sent events (WHATWG HTML, section 9.2).
struct Updates: Sendable {
    private static let heartbeat = Duration.seconds(15)
    private static let headers: HTTPFields = [
        .contentType: "text/event-stream", .cacheControl: "no-store",
    ]

    let node: any ManagedNode

    private enum Message: Sendable {
        case update(RunUpdate)
        case tick
    }

    /// All runs that this node changes.
    func response() -> Response {
        let updates = node.updates()
        return Response(
            status: .ok, headers: Self.headers,
            body: .init { writer in
                try await writer.write(ByteBuffer(string: ": changes of runs\n\n"))
                try await forEach(updates, every: Self.heartbeat) { message in
                    switch message {
                    case .tick: try await writer.write(ByteBuffer(string: ": still here\n\n"))
                    case .update(let update): try await writer.write(Self.frame("run") { $0.update(update) })
                    }
                    return true
                }
                try await writer.finish(nil)
            })
    }

    /// One run: how it stands, then each change, until it is finished. Looks once a second as well, for a run that another
    /// node does.
    func response(for run: Run) -> Response {
        let updates = node.updates()
        return Response(
            status: .ok, headers: Self.headers,
            body: .init { writer in
                var last = Self.frame("run") { $0.run(run) }
                try await writer.write(last)
                var lastWrite = node.time.elapsed
                if !run.state.isFinished {
                    try await forEach(updates, every: .seconds(1)) { message in
                        if case .update(let update) = message, update.run != run.id { return true }
                        guard let now = try await node.store.run(run.id) else { return false }
                        let frame = Self.frame("run") { $0.run(now) }
                        if frame != last {
                            try await writer.write(frame)
                            lastWrite = node.time.elapsed
                        } else if node.time.elapsed >= lastWrite + Self.heartbeat {
                            // Also how a client that is gone is noticed.
                            try await writer.write(ByteBuffer(string: ": still here\n\n"))
                            lastWrite = node.time.elapsed
                        }
                        last = frame
                        return !now.state.isFinished
                    }
                }
                try await writer.finish(nil)
            })
    }

    private static func frame(_ name: String, _ write: (inout JSONWriter) -> Void) -> ByteBuffer {
        var json = JSONWriter()
        write(&json)
        var buffer = ByteBuffer(string: "event: \(name)\n")
        // A line break would end the data: raw JSON may have some between its tokens.
        for line in json.bytes.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            buffer.writeString("data: ")
            buffer.writeBytes(line)
            buffer.writeString("\n")
        }
        buffer.writeString("\n")
        return buffer
    }

    /// Calls `body` with each update and each tick until it answers `false`, the node stops or the client is gone.
    private func forEach(
        _ updates: AsyncStream<RunUpdate>, every interval: Duration, _ body: (Message) async throws -> Bool
    ) async throws {
        let (messages, continuation) = AsyncStream.makeStream(of: Message.self, bufferingPolicy: .bufferingNewest(256))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await update in updates.cancelOnGracefulShutdown() { continuation.yield(.update(update)) }
                continuation.finish()
            }
            group.addTask { [time = node.time] in
                while true {
                    try await time.sleep(for: interval)
                    continuation.yield(.tick)
                }
            }
            for await message in messages {
                guard try await body(message) else { break }
            }
            group.cancelAll()
        }
    }
}
