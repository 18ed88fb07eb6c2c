import Foundation
import Synchronization

/// Ends from another thread what a connection waits for: it finds itself cut off.
final class Interruption: Sendable {
    private struct State {
        var descriptor: Int32 = -1
        var hasCome = false
    }

    private let state = Mutex(State())

    /// A connection has this descriptor from now on.
    func use(_ descriptor: Int32) {
        state.withLock { state in
            // The library closes its own when it likes: the number may be another descriptor's then.
            state.descriptor = dup(descriptor)
            if state.hasCome { Self.cut(state.descriptor) }
        }
    }

    /// The connection is no more.
    func forget() {
        state.withLock { state in
            if state.descriptor >= 0 { close(state.descriptor) }
            state.descriptor = -1
        }
    }

    /// Cuts the connection off, and any that follows.
    func interrupt() {
        state.withLock { state in
            state.hasCome = true
            Self.cut(state.descriptor)
        }
    }

    private static func cut(_ descriptor: Int32) {
        if descriptor >= 0 { _ = shutdown(descriptor, Int32(SHUT_RDWR)) }
    }
}
