import CLibrabbitmq
import Foundation

/// Lends texts and tables to librabbitmq: what it points to stays until ``reset()``.
final class AMQPMemory {
    private static let blockBytes = 16_384

    private let block = UnsafeMutableRawPointer.allocate(byteCount: blockBytes, alignment: 16)
    private var used = 0
    /// What found no room in the block.
    private var others: [UnsafeMutableRawPointer] = []

    deinit {
        reset()
        block.deallocate()
    }

    /// Forgets everything that was lent.
    func reset() {
        used = 0
        for other in others { other.deallocate() }
        others.removeAll()
    }

    private func allocate(_ count: Int) -> UnsafeMutableRawPointer {
        let start = (used + 15) & ~15
        if start + count <= Self.blockBytes {
            used = start + count
            return block + start
        }
        let other = UnsafeMutableRawPointer.allocate(byteCount: count, alignment: 16)
        others.append(other)
        return other
    }

    func bytes(_ text: String) -> amqp_bytes_t {
        var text = text
        return text.withUTF8 { text in
            guard let base = text.baseAddress, text.count > 0 else { return amqp_bytes_t(len: 0, bytes: nil) }
            let room = allocate(text.count)
            room.copyMemory(from: base, byteCount: text.count)
            return amqp_bytes_t(len: text.count, bytes: room)
        }
    }

    func table(_ values: [String: RabbitMQValue]) -> amqp_table_t {
        table(values.sorted { $0.key < $1.key }.map { ($0.key, $0.value) })
    }

    func table(_ values: [(String, RabbitMQValue)]) -> amqp_table_t {
        table(values.map { ($0, field($1)) })
    }

    func table(_ values: [(String, amqp_field_value_t)]) -> amqp_table_t {
        guard !values.isEmpty else { return amqp_table_t(num_entries: 0, entries: nil) }
        let entries = allocate(values.count * MemoryLayout<amqp_table_entry_t>.stride)
            .bindMemory(to: amqp_table_entry_t.self, capacity: values.count)
        for (index, (name, value)) in values.enumerated() {
            (entries + index).initialize(to: amqp_table_entry_t(key: bytes(name), value: value))
        }
        return amqp_table_t(num_entries: Int32(values.count), entries: entries)
    }

    func field(_ table: amqp_table_t) -> amqp_field_value_t {
        var field = amqp_field_value_t()
        field.kind = UInt8(AMQP_FIELD_KIND_TABLE.rawValue)
        field.value.table = table
        return field
    }

    func field(_ value: RabbitMQValue) -> amqp_field_value_t {
        var field = amqp_field_value_t()
        switch value {
        case .string(let text):
            field.kind = UInt8(AMQP_FIELD_KIND_UTF8.rawValue)
            field.value.bytes = bytes(text)
        case .integer(let number):
            field.kind = UInt8(AMQP_FIELD_KIND_I64.rawValue)
            field.value.i64 = number
        case .boolean(let flag):
            field.kind = UInt8(AMQP_FIELD_KIND_BOOLEAN.rawValue)
            field.value.boolean = flag ? 1 : 0
        case .timestamp(let seconds):
            field.kind = UInt8(AMQP_FIELD_KIND_TIMESTAMP.rawValue)
            field.value.u64 = seconds
        }
        return field
    }
}

extension amqp_bytes_t {
    /// The bytes, as long as librabbitmq keeps them.
    var buffer: UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: bytes?.assumingMemoryBound(to: UInt8.self), count: bytes == nil ? 0 : len)
    }

    /// The text; bytes that are no UTF-8 are replaced.
    var text: String { String(decoding: buffer, as: UTF8.self) }

    /// The text if it is UTF-8.
    var validText: String? { String(validating: buffer, as: UTF8.self) }
}

extension amqp_table_t {
    /// Its entries, as long as librabbitmq keeps them.
    var list: UnsafeBufferPointer<amqp_table_entry_t> {
        UnsafeBufferPointer(start: entries, count: entries == nil ? 0 : Int(num_entries))
    }
}

extension amqp_array_t {
    /// Its values, as long as librabbitmq keeps them.
    var list: UnsafeBufferPointer<amqp_field_value_t> {
        UnsafeBufferPointer(start: entries, count: entries == nil ? 0 : Int(num_entries))
    }
}

extension amqp_field_value_t {
    /// The value if it is one of the plain kinds.
    var plain: RabbitMQValue? {
        switch UInt32(kind) {
        case AMQP_FIELD_KIND_UTF8.rawValue: value.bytes.validText.map { .string($0) }
        case AMQP_FIELD_KIND_BOOLEAN.rawValue: .boolean(value.boolean != 0)
        case AMQP_FIELD_KIND_I8.rawValue: .integer(Int64(value.i8))
        case AMQP_FIELD_KIND_U8.rawValue: .integer(Int64(value.u8))
        case AMQP_FIELD_KIND_I16.rawValue: .integer(Int64(value.i16))
        case AMQP_FIELD_KIND_U16.rawValue: .integer(Int64(value.u16))
        case AMQP_FIELD_KIND_I32.rawValue: .integer(Int64(value.i32))
        case AMQP_FIELD_KIND_U32.rawValue: .integer(Int64(value.u32))
        case AMQP_FIELD_KIND_I64.rawValue: .integer(value.i64)
        case AMQP_FIELD_KIND_U64.rawValue: Int64(exactly: value.u64).map { .integer($0) }
        case AMQP_FIELD_KIND_TIMESTAMP.rawValue: .timestamp(value.u64)
        default: nil
        }
    }

    /// The value if it is a whole number.
    var integer: Int64? {
        guard case .integer(let number)? = plain else { return nil }
        return number
    }
}
