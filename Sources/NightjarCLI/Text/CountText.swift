/// Numbers of things as people say them: `1 run`, `4,200 runs`.
enum CountText {
    /// The number with the thing's name, of which more than one has an s.
    static func text(_ count: Int, _ thing: String) -> String {
        "\(grouped(count)) \(thing)\(count == 1 ? "" : "s")"
    }

    /// The number with a comma between thousands.
    static func grouped(_ count: Int) -> String {
        var digits = "\(abs(count))"
        var text = ""
        while digits.count > 3 {
            text = ",\(digits.suffix(3))\(text)"
            digits.removeLast(3)
        }
        return (count < 0 ? "-" : "") + digits + text
    }
}
