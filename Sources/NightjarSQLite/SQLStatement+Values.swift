import CloudEvents
import NightjarCore

extension SQLStatement {
    func bind(_ index: Int32, _ value: Timestamp) { bind(index, value.microsecondsSince1970) }

    func bind(_ index: Int32, _ value: Timestamp?) { bind(index, value?.microsecondsSince1970) }

    func bind(_ index: Int32, _ id: RunID) {
        bind(index, Self.bytes(of: id))
    }

    func timestamp(_ column: Int32) -> Timestamp { Timestamp(microsecondsSince1970: int64(column)) }

    func optionalTimestamp(_ column: Int32) -> Timestamp? {
        optionalInt64(column).map(Timestamp.init(microsecondsSince1970:))
    }

    func runID(_ column: Int32) -> RunID { Self.runID(optionalBytes(column) ?? []) }

    static func bytes(of id: RunID) -> [UInt8] {
        withUnsafeBytes(of: (id.high.bigEndian, id.low.bigEndian)) { Array($0) }
    }

    static func runID(_ bytes: [UInt8]) -> RunID {
        var high: UInt64 = 0
        var low: UInt64 = 0
        for byte in bytes.prefix(8) { high = high << 8 | UInt64(byte) }
        for byte in bytes.dropFirst(8).prefix(8) { low = low << 8 | UInt64(byte) }
        return RunID(high: high, low: low)
    }
}
