import CloudEvents

extension Event {
    /// An event that keeps every rule, to be changed in the one place that a test is about.
    static var plain: Event { Event(id: "1", source: "/tests", type: "tests.plain") }

    /// The plain event after `change`.
    static func plain(_ change: (inout Event) -> Void) -> Event {
        var event = plain
        change(&event)
        return event
    }
}

/// The error that `body` throws; `nil` if it throws none.
func thrown<Value>(_ body: () throws(EventError) -> Value) -> EventError? {
    do throws(EventError) {
        _ = try body()
        return nil
    } catch {
        return error
    }
}

func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ bytes: [UInt8]?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

/// The text of a structured event with these members besides the required ones.
func structured(_ members: String) -> [UInt8] {
    utf8(
        #"{"specversion":"1.0","id":"1","source":"/tests","type":"tests.plain"\#(members.isEmpty ? "" : ",")\#(members)}"#
    )
}
