/// Finds what somebody may have meant.
enum NearestName {
    /// The name nearest to `name`, if it is near: at most two letters differ, and fewer than half of them.
    static func of(_ name: String, among names: some Sequence<String>) -> String? {
        let own = Array(name.lowercased().unicodeScalars)
        var best: (name: String, distance: Int)?
        for candidate in names where candidate != name {
            let distance = distance(own, Array(candidate.lowercased().unicodeScalars))
            guard distance <= 2, distance * 2 < max(2, own.count) || distance == 0 else { continue }
            if let found = best, (found.distance, found.name) <= (distance, candidate) { continue }
            best = (candidate, distance)
        }
        return best?.name
    }

    /// `; did you mean "name"?`, or nothing.
    static func hint(_ name: String, among names: some Sequence<String>) -> String {
        of(name, among: names).map { "; did you mean \"\($0)\"?" } ?? ""
    }

    /// How many letters must be put in, taken out, changed, or exchanged with their neighbours.
    private static func distance(_ left: [Unicode.Scalar], _ right: [Unicode.Scalar]) -> Int {
        guard abs(left.count - right.count) <= 2, left.count <= 64 else { return 3 }
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for row in left.indices {
            var current = [row + 1]
            for column in right.indices {
                var distance = min(
                    last[column] + (left[row] == right[column] ? 0 : 1), last[column + 1] + 1, current[column] + 1)
                if row > 0, column > 0, left[row] == right[column - 1], left[row - 1] == right[column] {
                    distance = min(distance, beforeLast[column - 1] + 1)
                }
                current.append(distance)
            }
            beforeLast = last
            last = current
        }
        return last[right.count]
    }
}
