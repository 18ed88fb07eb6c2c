/// What later versions of Nightjar can do, and this one cannot: worth a better answer than "unknown key".
enum LaterVersions {
    /// Kinds of triggers.
    static let triggers = reasons(
        ["s3", "postgres", "sqlite", "webhook"],
        "triggers are not in this version of Nightjar; expected one of: \(TriggerSettings.kinds.joined(separator: ", "))"
    )
    /// Kinds of jobs.
    static let actions = reasons(
        ["webhook"],
        "jobs are not in this version of Nightjar; expected one of: \(JobSettings.kinds.joined(separator: ", "))")
    /// Sections of the file.
    static let sections = reasons(
        ["webhooks", "dashboard"], "is not in this version of Nightjar; expected the section to be left out")

    private static func reasons(_ keys: [String], _ reason: String) -> [String: String] {
        Dictionary(uniqueKeysWithValues: keys.map { ($0, "\"\($0)\" \(reason)") })
    }
}
