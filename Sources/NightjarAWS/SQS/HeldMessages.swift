/// The messages in hand, and when each has to be hidden for longer: a value without a clock.
struct HeldMessages: Sendable {
    /// Amazon SQS hides a message no longer than that in all ("Visibility timeout", Developer Guide).
    static let longest = Duration.seconds(43_200)

    /// Names a message in hand.
    typealias Number = UInt64

    private struct Held {
        var receipt: String
        var since: Duration
        var hiddenSince: Duration
    }

    private var messages: [Number: Held] = [:]
    private var last: Number = 0

    /// How many there are.
    var count: Int { messages.count }

    /// A message that is hidden from now on.
    mutating func hold(_ receipt: String, now: Duration) -> Number {
        last += 1
        messages[last] = Held(receipt: receipt, since: now, hiddenSince: now)
        return last
    }

    /// A message that is not in hand any more.
    mutating func release(_ number: Number) { messages[number] = nil }

    /// It was not hidden for longer, and is due again.
    mutating func failedToHide(_ number: Number) { messages[number]?.hiddenSince = .zero - Self.longest }

    /// How long a message has been held; `nil` if it is not.
    func age(_ number: Number, now: Duration) -> Duration? { messages[number].map { now - $0.since } }

    /// The receipts of those that have to be hidden for longer now: a third of their time has passed. They count as hidden
    /// from now on.
    mutating func due(now: Duration, visibility: Duration) -> [(number: Number, receipt: String)] {
        var due: [(number: Number, receipt: String)] = []
        for (number, held) in messages where now - held.hiddenSince >= visibility / 3 {
            // There comes a time when no more is granted.
            guard now - held.since + visibility <= Self.longest else { continue }
            messages[number]?.hiddenSince = now
            due.append((number, held.receipt))
        }
        return due
    }
}
