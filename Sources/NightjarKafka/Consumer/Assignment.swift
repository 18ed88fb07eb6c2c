/// A partition while this consumer has it.
final class Assignment {
    /// Tells this time from an earlier or later one that the same partition is here.
    let number: Int
    let partition: PartitionID
    let reader: RecordReader
    var ledger: OffsetLedger
    /// What the broker was last told, or told us.
    var committed: Int64?
    /// It is to be given up: nothing more of it is handed over.
    var isLeaving = false
    /// How many of its messages were forgotten while they waited to be handed over.
    var dropped = 0
    /// The lane for messages that keep the order of the partition.
    let lane: Int
    /// Begins the ordering keys of its messages.
    let orderPrefix: [UInt8]

    init(_ number: Int, _ partition: PartitionID, start: Int64?, committed: Int64?, source: String) {
        self.number = number
        self.partition = partition
        self.committed = committed
        reader = RecordReader(partition, source: source)
        ledger = OffsetLedger(start: start)
        orderPrefix = Array("\(partition)/".utf8)
        lane = Handover.lane(of: orderPrefix)
    }

    /// Whether messages of it were handed over and are not answered. Only true of one whose waiting messages were dropped.
    var isInHand: Bool { ledger.open > dropped }
}
