/// A set of code points, as a class of a pattern names it.
struct ScalarSet: Sendable, Hashable {
    /// Code points of some general categories (Unicode, section 4.5), or all others.
    struct Categories: Sendable, Hashable {
        var categories: Set<Unicode.GeneralCategory>
        var isNegated: Bool
    }

    private(set) var ranges: [ClosedRange<UInt32>] = []
    private(set) var categories: [Categories] = []
    private(set) var isNegated = false
    private(set) var ignoresCase = false
    /// The answers for ASCII.
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    init(
        _ ranges: [ClosedRange<UInt32>] = [], categories: [Categories] = [], isNegated: Bool = false,
        ignoresCase: Bool = false
    ) {
        self.ranges = ranges
        self.categories = categories
        self.isNegated = isNegated
        self.ignoresCase = ignoresCase
        for code in UInt32(0)..<128 where Unicode.Scalar(code).map(search) ?? false {
            if code < 64 { low |= 1 << UInt64(code) } else { high |= 1 << UInt64(code - 64) }
        }
    }

    init(_ scalar: Unicode.Scalar, ignoresCase: Bool) {
        self.init([scalar.value...scalar.value], ignoresCase: ignoresCase)
    }

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        let code = UInt64(scalar.value)
        if code < 64 { return low >> code & 1 == 1 }
        if code < 128 { return high >> (code - 64) & 1 == 1 }
        return search(scalar)
    }

    private func search(_ scalar: Unicode.Scalar) -> Bool {
        var found = holds(scalar)
        if !found, ignoresCase {
            found = scalar.foldings.contains { holds($0) }
        }
        return found != isNegated
    }

    private func holds(_ scalar: Unicode.Scalar) -> Bool {
        if ranges.contains(where: { $0.contains(scalar.value) }) { return true }
        return categories.contains { $0.categories.contains(scalar.properties.generalCategory) != $0.isNegated }
    }

    /// The only code point it has, if there is one and case matters.
    var single: Unicode.Scalar? {
        guard !isNegated, !ignoresCase, categories.isEmpty, ranges.count == 1, let range = ranges.first,
            range.count == 1
        else { return nil }
        return Unicode.Scalar(range.lowerBound)
    }

    static let digits = [UInt32(0x30)...0x39]
    static let word = [UInt32(0x30)...0x39, 0x41...0x5A, 0x5F...0x5F, 0x61...0x7A]
    static let space = [UInt32(0x09)...0x0A, 0x0C...0x0D, 0x20...0x20]

    /// What these ranges leave out.
    static func complement(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        var next: UInt32 = 0
        var complement: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if range.lowerBound > next { complement.append(next...range.lowerBound - 1) }
            next = max(next, range.upperBound + 1)
        }
        if next <= 0x10FFFF { complement.append(next...0x10FFFF) }
        return complement
    }
}

extension Unicode.Scalar {
    /// The code points that differ from it in case alone.
    fileprivate var foldings: [Unicode.Scalar] {
        [properties.lowercaseMapping, properties.uppercaseMapping].compactMap { mapping in
            let scalars = mapping.unicodeScalars
            return scalars.count == 1 ? scalars.first : nil
        }
    }
}
