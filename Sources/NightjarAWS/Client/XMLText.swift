/// Looks into the small XML answers of AWS.
enum XMLText {
    /// The text of the first element of that name; `nil` if there is none, or it holds other elements.
    static func first(_ name: String, in xml: String) -> String? {
        guard let start = xml.firstRange(of: "<\(name)>"),
            let end = xml[start.upperBound...].firstRange(of: "</\(name)>")
        else { return nil }
        let text = xml[start.upperBound..<end.lowerBound]
        guard !text.contains("<") else { return nil }
        var result = String(text)
        // The ampersand last: what it uncovers stands for itself.
        for (entity, character) in [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")] {
            result = result.replacing(entity, with: character)
        }
        return result
    }
}
