/// What a files trigger watches and reports.
public struct FilesOptions: Sendable, Hashable {
    /// What can happen to a file.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A file is there that was not known: written and closed, moved in, or linked.
        case created
        /// A known file has another content: written and closed, or replaced.
        case changed
        /// A known file is gone: deleted, or moved away.
        case deleted
    }

    /// How changes are noticed.
    public enum Mode: String, Sendable, Hashable, CaseIterable {
        /// By inotify where it works, else by polling.
        case auto
        /// By inotify(7), within milliseconds.
        case inotify
        /// By looking again and again: for macOS and network file systems.
        case polling
    }

    /// The folder that is watched.
    public var path: String
    /// Which files: patterns with `*`, `?`, `[a-z]`, `[!a-z]` and `{a,b}`; one without `/` is compared with the name, one
    /// with `/` with the path below the folder, where `**` stands for any folders. Case matters. Empty for all.
    public var match: [String]
    /// Which files are left alone, in the same patterns; a folder that fits is left alone with all that is in it. By
    /// default hidden files and those that are written under a temporary name.
    public var ignore: [String]
    /// What is reported.
    public var on: Set<Kind>
    /// Whether folders below are watched too.
    public var recursive: Bool
    /// Files up to so many bytes come with their content; others without, and with the extension `truncated`.
    public var contentLimitBytes: Int
    /// How changes are noticed.
    public var mode: Mode
    /// How often polling looks. A file is reported when it has not changed from one look to the next and, where the system tells,
    /// nobody has it open for writing. With inotify,
    /// how often what may still be written to, and is not announced by a notification, is looked at, and how long it must
    /// rest where the system does not tell who writes to it.
    public var interval: Duration
    /// How many files may be watched at most.
    public var maximumFiles: Int

    /// Options with these values.
    public init(
        path: String, match: [String] = [], ignore: [String] = FilesOptions.usuallyIgnored,
        on: Set<Kind> = [.created, .changed], recursive: Bool = false, contentLimitBytes: Int = 256 << 10,
        mode: Mode = .auto, interval: Duration = .seconds(2), maximumFiles: Int = 1_000_000
    ) {
        self.path = path
        self.match = match
        self.ignore = ignore
        self.on = on
        self.recursive = recursive
        self.contentLimitBytes = max(0, contentLimitBytes)
        self.mode = mode
        self.interval = max(.milliseconds(10), interval)
        self.maximumFiles = max(1, maximumFiles)
    }

    /// Hidden files, and what editors, browsers and copy programs call a file that is not complete yet.
    public static let usuallyIgnored = [".*", "*~", "*.tmp", "*.part", "*.swp", "*.crdownload"]
}
