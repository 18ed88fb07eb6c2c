import CloudEvents
import NightjarCore
import Testing

@testable import NightjarKafka

@Suite("What may be handed over")
struct HandoverTests {
    private var handover = Handover()

    private func message(_ text: String) -> SourceMessage {
        .event(IncomingEvent(Event(id: text, source: "/", type: "t")))
    }

    private func ticket(_ lane: Int?, assignment: Int = 1) -> Ticket {
        Ticket(assignment: assignment, number: 0, lane: lane, bytes: 10)
    }

    private func ids(_ batch: KafkaBatch) -> [String] {
        batch.messages.map { message in
            guard case .event(let event) = message else { return "?" }
            return event.event.id
        }
    }

    @Test("a message waits for those of its lane that are in hand, and comes before later ones")
    mutating func waits() {
        var first = handover.begin(most: 10, bytes: 1000)
        handover.add(message("a1"), ticket(1), to: &first)
        handover.add(message("a2"), ticket(1), to: &first)
        handover.add(message("b1"), ticket(2), to: &first)
        #expect(ids(first) == ["a1", "a2", "b1"] && first.lanes == [1, 2] && first.bytes == 30)
        var second = handover.begin(most: 10, bytes: 1000)
        handover.add(message("a3"), ticket(1), to: &second)
        handover.add(message("c1"), ticket(3), to: &second)
        handover.add(message("n"), ticket(nil), to: &second)
        #expect(ids(second) == ["c1", "n"])
        #expect(ids(handover.begin(most: 10, bytes: 1000)) == [])
        handover.end(lanes: first.lanes)
        var third = handover.begin(most: 10, bytes: 1000)
        handover.add(message("a4"), ticket(1), to: &third)
        #expect(ids(third) == ["a3", "a4"])
    }

    @Test("what does not fit into a batch stays before later messages of its lane")
    mutating func cut() {
        var first = handover.begin(most: 10, bytes: 1000)
        handover.add(message("a1"), ticket(1), to: &first)
        for number in 2...5 {
            var batch = handover.begin(most: 10, bytes: 1000)
            handover.add(message("a\(number)"), ticket(1), to: &batch)
        }
        handover.end(lanes: first.lanes)
        let second = handover.begin(most: 2, bytes: 1000)
        #expect(ids(second) == ["a2", "a3"] && handover.hasReleased)
        // The lane is occupied again: the rest waits with it.
        #expect(ids(handover.begin(most: 2, bytes: 1000)) == [] && !handover.hasReleased)
        handover.end(lanes: second.lanes)
        #expect(ids(handover.begin(most: 10, bytes: 1000)) == ["a4", "a5"])
    }

    @Test("what waits for an assignment that is gone is forgotten")
    mutating func drop() {
        var first = handover.begin(most: 10, bytes: 1000)
        handover.add(message("a1"), ticket(1), to: &first)
        var second = handover.begin(most: 10, bytes: 1000)
        handover.add(message("a2"), ticket(1, assignment: 7), to: &second)
        handover.add(message("a3"), ticket(1, assignment: 8), to: &second)
        let dropped = handover.drop { $0 == 7 }
        #expect(dropped.messages == [7: 1] && dropped.bytes == 10)
        handover.end(lanes: first.lanes)
        #expect(ids(handover.begin(most: 10, bytes: 1000)) == ["a3"])
    }

    @Test("keys spread over lanes")
    func spread() {
        let lanes = Set((0..<4096).map { Handover.lane(of: Array("customer-\($0)".utf8)) })
        #expect(lanes.count > 2000 && lanes.allSatisfy { (0..<Handover.lanes).contains($0) })
    }
}

@Suite("The window")
struct FlowWindowTests {
    @Test("it is full at its limit, and opens again at half")
    func messages() {
        var window = FlowWindow(messages: 4, bytes: 1000)
        #expect(window.room == 4)
        for _ in 0..<4 { window.add(bytes: 1) }
        #expect(window.room == 0)
        window.remove(messages: 1, bytes: 1)
        #expect(window.room == 0)
        window.remove(messages: 1, bytes: 1)
        #expect(window.room == 2)
    }

    @Test("bytes count too, by the largest message so far, and one message always has room")
    func bytes() {
        var window = FlowWindow(messages: 100, bytes: 100)
        window.add(bytes: 30)
        #expect(window.room == 2)
        window.add(bytes: 200)
        #expect(window.room == 0)
        window.remove(messages: 2, bytes: 230)
        #expect(window.room == 1)
    }
}
