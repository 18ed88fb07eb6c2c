import Synchronization

/// What tasks noted, in order.
final class Record<Element: Sendable>: Sendable {
    private let state = Mutex<[Element]>([])

    var all: [Element] { state.withLock { $0 } }

    func note(_ element: Element) { state.withLock { $0.append(element) } }
}
