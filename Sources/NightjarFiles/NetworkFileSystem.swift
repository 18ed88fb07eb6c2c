#if os(Linux)
    import Foundation

    /// File systems whose changes by other machines inotify does not hear of.
    enum NetworkFileSystem {
        private static let types: Set<String> = ["nfs", "nfs4", "cifs", "smb3", "9p", "afs", "ceph", "virtiofs"]

        /// Whether the folder lies on one, by the table of mounts (proc(5)).
        static func holds(_ path: String) -> Bool {
            guard let table = try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8) else { return false }
            let absolute = URL(fileURLWithPath: path).standardizedFileURL.path
            var best = (length: -1, type: "")
            for line in table.split(separator: "\n") {
                let fields = line.split(separator: " ")
                guard fields.count > 2 else { continue }
                let point = fields[1].replacing("\\040", with: " ")
                let isAbove = point == "/" || absolute == point || absolute.hasPrefix(point + "/")
                if isAbove, point.count >= best.length { best = (point.count, String(fields[2])) }
            }
            return types.contains(best.type) || best.type.hasPrefix("fuse")
        }
    }
#endif
