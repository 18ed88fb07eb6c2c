/// The entries of a map: keys and values, or an object of a JSON text that is decoded as it is read.
///
/// Keys are bool, int, uint or string. Numbers that are equal are one key, whatever their types ("Maps" in the language
/// definition).
public struct MapValue: Sendable {
    private enum Storage: Sendable {
        case entries(Entries)
        case json(JSONDocument.Node)
    }

    /// A key as it is compared.
    enum Key: Hashable, Sendable {
        case bool(Bool)
        case int(Int64)
        /// Beyond the largest int.
        case uint(UInt64)
        case string(Text)

        /// `nil` for a value that is equal to no key, such as 1.5 or a list.
        init?(_ value: Value) {
            switch value {
            case .bool(let value): self = .bool(value)
            case .int(let value): self = .int(value)
            case .uint(let value): self = Int64(exactly: value).map { .int($0) } ?? .uint(value)
            case .double(let value):
                if let exact = Int64(exactly: value) {
                    self = .int(exact)
                } else if let exact = UInt64(exactly: value) {
                    self = .uint(exact)
                } else {
                    return nil
                }
            case .string(let value): self = .string(Text(value))
            default: return nil
            }
        }
    }

    /// A string whose equality is that of its code points.
    struct Text: Hashable, Sendable {
        let string: String
        init(_ string: String) { self.string = string }
        static func == (left: Text, right: Text) -> Bool { left.string.hasSameCodePoints(as: right.string) }
        func hash(into hasher: inout Hasher) {
            var string = string
            string.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        }
    }

    private final class Entries: Sendable {
        let keys: [Value]
        let values: [Value]
        /// Only for more entries than are looked through one by one.
        let index: [Key: Int]

        init(_ entries: [(Value, Value)]) {
            var keys: [Value] = []
            var values: [Value] = []
            var index: [Key: Int] = [:]
            for (key, value) in entries {
                guard let identity = Key(key) else { continue }
                if let known = index[identity] {
                    values[known] = value
                } else {
                    index[identity] = keys.count
                    keys.append(key)
                    values.append(value)
                }
            }
            self.keys = keys
            self.values = values
            self.index = index
        }
    }

    private let storage: Storage

    /// A map of these entries; of entries with one key the last counts. Keys of other types than bool, int, uint and string
    /// are left out.
    public init(_ entries: [(Value, Value)]) {
        storage = .entries(Entries(entries))
    }

    init(_ node: JSONDocument.Node) {
        storage = .json(node)
    }

    /// How many entries it has.
    public var count: Int {
        switch storage {
        case .entries(let entries): entries.keys.count
        case .json(let node): node.count
        }
    }

    /// The keys, in the order of their first mention.
    public var keys: [Value] {
        switch storage {
        case .entries(let entries): entries.keys
        case .json: entries.map(\.key)
        }
    }

    /// The entries, in the order of their keys' first mention.
    public var entries: [(key: Value, value: Value)] {
        switch storage {
        case .entries(let entries): return zip(entries.keys, entries.values).map { ($0, $1) }
        case .json(let node):
            var entries: [(key: Value, value: Value)] = []
            entries.reserveCapacity(node.count)
            var name = node.first
            while let key = name, let value = key.next {
                entries.append((Value(key), Value(value)))
                name = value.next
            }
            return entries
        }
    }

    /// The value of a key.
    public subscript(key: Value) -> Value? {
        switch storage {
        case .entries(let entries): return Key(key).flatMap { entries.index[$0] }.map { entries.values[$0] }
        case .json(let node):
            guard case .string(let name) = key else { return nil }
            return node.member(name).map { Value($0) }
        }
    }

    /// A member of a member of a JSON object; `nil` if there is none, or this is none.
    func jsonMember(_ names: [String]) -> Value? {
        guard case .json(let node) = storage else { return nil }
        return node.value(of: names)
    }

    /// The value of a string key.
    public subscript(name: String) -> Value? { self[.string(name)] }

    /// Whether keys are found without looking at others.
    var isIndexed: Bool {
        if case .entries = storage { true } else { false }
    }

    /// Which JSON text it is a part of, for tests.
    package var documentIdentity: ObjectIdentifier? {
        if case .json(let node) = storage { ObjectIdentifier(node.document) } else { nil }
    }

    static func isKey(_ value: Value) -> Bool {
        switch value {
        case .bool, .int, .uint, .string: true
        default: false
        }
    }
}

extension String {
    /// Whether both are the same code points; `==` would call strings equal that only look the same.
    @inline(__always)
    func hasSameCodePoints(as other: String) -> Bool {
        guard utf8.count == other.utf8.count else { return false }
        let compared = utf8.withContiguousStorageIfAvailable { left in
            other.utf8.withContiguousStorageIfAvailable { right -> Bool in
                for index in 0..<left.count where left[index] != right[index] { return false }
                return true
            }
        }
        if let compared, let compared { return compared }
        return utf8.elementsEqual(other.utf8)
    }
}
