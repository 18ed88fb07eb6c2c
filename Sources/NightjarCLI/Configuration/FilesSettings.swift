/// The trigger `files`: files in a folder.
struct FilesSettings: Sendable, Hashable {
    /// What can happen to a file.
    enum Change: String, Sendable, CaseIterable {
        case created, changed, deleted
    }

    /// The folder, as an absolute path.
    var path: String
    /// Which files, by name: `*`, `?`, `[abc]`; empty for all.
    var match: [String] = []
    /// Which changes; empty for the source's own choice.
    var on: [Change] = [.created, .changed]
    /// Folders in the folder too.
    var isRecursive = false
}

extension Reading where Value == FilesSettings {
    static var files: Reading {
        section("a mapping such as { path: ./inbox, match: \"*.csv\" }") { section in
            let path = section.require("path", .path)
            var settings = FilesSettings(path: path ?? "")
            settings.match = section.read("match", Reading<String>.string.oneOrMore(), default: [])
            settings.on = section.read("on", Reading<FilesSettings.Change>.choice.oneOrMore(), default: settings.on)
            settings.isRecursive = section.read("recursive", .boolean, default: false)
            return path == nil ? nil : settings
        }
    }
}
