/// The elements of a list: values, or a part of a JSON text that is decoded as it is read.
public struct ListValue: Sendable {
    private enum Storage: Sendable {
        case values([Value])
        case json(JSONDocument.Node)
    }

    private let storage: Storage

    /// A list of these values.
    public init(_ values: [Value]) {
        storage = .values(values)
    }

    init(_ node: JSONDocument.Node) {
        storage = .json(node)
    }

    /// How many elements it has.
    public var count: Int {
        switch storage {
        case .values(let values): values.count
        case .json(let node): node.count
        }
    }

    /// The elements, in order.
    public var values: [Value] {
        switch storage {
        case .values(let values): return values
        case .json(let node):
            var values: [Value] = []
            values.reserveCapacity(node.count)
            var element = node.first
            while let next = element {
                values.append(Value(next))
                element = next.next
            }
            return values
        }
    }

    /// What finding an element costs: an array of a JSON text is looked through from its beginning.
    func lookupCost(_ index: Int) -> Int {
        if case .json = storage { max(0, min(index, count)) / 8 } else { 0 }
    }

    /// The element at an index; `nil` beyond its ends.
    public subscript(index: Int) -> Value? {
        switch storage {
        case .values(let values): values.indices.contains(index) ? values[index] : nil
        case .json(let node): node.element(index).map { Value($0) }
        }
    }
}
