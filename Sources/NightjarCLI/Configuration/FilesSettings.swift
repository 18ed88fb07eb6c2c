import NightjarFiles

extension Reading where Value == FilesOptions {
    /// The trigger `files`: files in a folder.
    static var files: Reading {
        section("a mapping such as { path: ./inbox, match: \"*.csv\" }") { section in
            let path = section.require("path", .path)
            var options = FilesOptions(path: path ?? "/")
            let patterns = Reading<String>.text("a pattern such as \"*.csv\"") {
                $0.isEmpty || $0.contains("\0") ? nil : $0
            }
            options.match = section.read("match", patterns.oneOrMore(), default: options.match)
            options.ignore = section.read("ignore", patterns.list(), default: options.ignore)
            options.on = section.read("on", Reading<FilesOptions.Kind>.choice.oneOrMore()).map { Set($0) } ?? options.on
            options.recursive = section.read("recursive", .boolean, default: options.recursive)
            options.contentLimitBytes = section.read(
                "content", .size(0...(256 << 20)), default: options.contentLimitBytes)
            options.mode = section.read("mode", .choice, default: options.mode)
            options.interval = section.read(
                "interval", .duration(atLeast: .milliseconds(10)), default: options.interval)
            options.maximumFiles = section.read(
                "maximumFiles", .integer(1...100_000_000), default: options.maximumFiles)
            return path == nil ? nil : options
        }
    }
}
