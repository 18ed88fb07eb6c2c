/// Finds the name that someone probably meant.
package enum NearestName {
    /// The candidate with the fewest slips of the finger from `name`, whatever their case; `nil` if none has at most `limit`.
    package static func of(_ name: String, among candidates: some Sequence<String>, within limit: Int) -> String? {
        let own = Array(name.lowercased())
        return candidates.map { ($0, distance(own, Array($0.lowercased()), within: limit)) }
            .filter { $0.1 <= limit }
            .min { ($0.1, $0.0) < ($1.1, $1.0) }?.0
    }

    /// `; did you mean "name"?` if there is another name with at most two slips, fewer than half of its letters; or nothing.
    static func hint(_ name: String, among names: some Sequence<String>) -> String {
        let limit = min(2, (max(2, name.count) - 1) / 2)
        return of(name, among: names.filter { $0 != name }, within: limit).map { "; did you mean \"\($0)\"?" } ?? ""
    }

    /// How many characters must be added, removed, replaced or swapped with their neighbour to make one text of the
    /// other ("optimal string alignment"); more than `limit` without counting if the lengths say so.
    package static func distance(_ left: [Character], _ right: [Character], within limit: Int = .max) -> Int {
        if abs(left.count - right.count) > limit { return abs(left.count - right.count) }
        if left.isEmpty || right.isEmpty { return max(left.count, right.count) }
        var before: [Int] = []
        var previous = Array(0...right.count)
        for i in 1...left.count {
            var row = [i]
            for j in 1...right.count {
                let replaced = previous[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1)
                var best = min(replaced, previous[j] + 1, row[j - 1] + 1)
                if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
                    best = min(best, before[j - 2] + 1)
                }
                row.append(best)
            }
            before = previous
            previous = row
        }
        return previous[right.count]
    }
}
