import Expressions

extension NearestName {
    /// The candidate nearest to `name`; `nil` if more than a third of its letters would be slips.
    static func of(_ name: String, among candidates: some Sequence<String>) -> String? {
        of(name, among: candidates, within: max(1, name.count / 3))
    }

    /// What may have been meant, or what there is.
    static func hint(for name: String, among candidates: [String]) -> String {
        of(name, among: candidates).map { "did you mean \"\($0)\"?" }
            ?? "expected one of: \(candidates.prefix(10).joined(separator: ", "))"
    }

    /// The slips between two texts.
    static func distance(_ left: String, _ right: String) -> Int { distance(Array(left), Array(right)) }
}
