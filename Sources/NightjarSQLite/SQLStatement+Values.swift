import CloudEvents
import NightjarCore

extension SQLStatement {
    func bind(_ index: Int32, _ value: Timestamp) { bind(index, value.microsecondsSince1970) }

    func bind(_ index: Int32, _ value: Timestamp?) { bind(index, value?.microsecondsSince1970) }

    /// Sixteen bytes, most significant first: ids sort as blobs as they sort themselves.
    func bind(_ index: Int32, _ id: RunID) {
        withUnsafeBytes(of: (id.high.bigEndian, id.low.bigEndian)) { bind(index, $0) }
    }

    func timestamp(_ column: Int32) -> Timestamp { Timestamp(microsecondsSince1970: int64(column)) }

    func optionalTimestamp(_ column: Int32) -> Timestamp? {
        optionalInt64(column).map(Timestamp.init(microsecondsSince1970:))
    }

    /// Zero where there are not sixteen bytes, which only a damaged file has.
    func runID(_ column: Int32) -> RunID {
        withBytes(column) { bytes in
            guard bytes.count == 16 else { return RunID(high: 0, low: 0) }
            return RunID(
                high: UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                low: UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)))
        }
    }
}
