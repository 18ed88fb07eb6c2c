import EventThreads
import Foundation
import Testing

@Suite("A thread of its own")
struct ThreadExecutorTests {
    private actor Owner {
        private let thread: ThreadExecutor
        nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }
        private var number = 0

        init() throws { thread = try ThreadExecutor(name: "owner") }

        func count() -> (Int, ObjectIdentifier) {
            number += 1
            return (number, ObjectIdentifier(Thread.current))
        }

        func bytes(from descriptor: Int32) async -> [UInt8] {
            await withCheckedContinuation { continuation in
                thread.watch(descriptor, for: .read) { [thread] in
                    var bytes = [UInt8](repeating: 0, count: 16)
                    let count = read(descriptor, &bytes, bytes.count)
                    thread.watch(-1, for: []) {}
                    continuation.resume(returning: Array(bytes.prefix(max(0, count))))
                }
            }
        }

        func waitUntil(_ deadline: ContinuousClock.Instant) async -> Bool {
            await withCheckedContinuation { continuation in
                thread.wake(at: deadline) { continuation.resume(returning: .now >= deadline) }
            }
        }

        func stop() { thread.stop() }
    }

    @Test("all of an actor's work is done on that one thread, in order")
    func oneThread() async throws {
        let owner = try Owner()
        var threads: Set<ObjectIdentifier> = []
        for expected in 1...1000 {
            let (number, thread) = await owner.count()
            #expect(number == expected)
            threads.insert(thread)
        }
        #expect(threads.count == 1)
        await owner.stop()
    }

    @Test("a descriptor that can be read wakes it, and other work goes on meanwhile")
    func descriptor() async throws {
        let owner = try Owner()
        var ends: [Int32] = [-1, -1]
        #expect(pipe(&ends) == 0)
        let (reading, writing) = (ends[0], ends[1])
        defer { for end in [reading, writing] { close(end) } }
        async let bytes = owner.bytes(from: reading)
        let numbers = await [owner.count().0, owner.count().0]
        #expect(numbers == [1, 2])
        #expect(write(writing, [1, 2, 3] as [UInt8], 3) == 3)
        #expect(await bytes == [1, 2, 3])
        await owner.stop()
    }

    @Test("a time that has come wakes it")
    func deadline() async throws {
        let owner = try Owner()
        #expect(await owner.waitUntil(.now + .milliseconds(20)))
        await owner.stop()
    }

    @Test("what is asked of it after it was stopped is still done")
    func afterStop() async throws {
        let owner = try Owner()
        await owner.stop()
        for expected in 1...100 { #expect(await owner.count().0 == expected) }
    }
}
