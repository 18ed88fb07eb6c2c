#if os(Linux)
    import Foundation

    #if canImport(Musl)
        import Musl
    #else
        import Glibc
    #endif

    /// File systems whose changes by other machines inotify does not hear of.
    enum NetworkFileSystem {
        private static let types: Set<String> = [
            "9p", "afs", "ceph", "cifs", "glusterfs", "lustre", "nfs", "nfs4", "smb3", "vboxsf", "virtiofs",
        ]

        /// Whether the folder lies on one, by the table of mounts (proc(5)).
        static func holds(_ path: String) -> Bool {
            guard let resolved = realpath(path, nil) else { return false }
            defer { free(resolved) }
            guard let mounts = try? String(contentsOfFile: "/proc/self/mounts", encoding: .utf8) else { return false }
            var table: [(point: String, type: String)] = []
            for line in mounts.split(separator: "\n") {
                let fields = line.split(separator: " ").map(String.init)
                guard fields.count > 2 else { continue }
                table.append((point: fields[1].replacingOccurrences(of: "\\040", with: " "), type: fields[2]))
            }
            return isNetwork(type(of: String(cString: resolved), in: table))
        }

        /// The type of the mount that a path lies on: of the deepest, and of those the one mounted last.
        static func type(of path: String, in mounts: [(point: String, type: String)]) -> String {
            var best = (length: -1, type: "")
            for mount in mounts {
                let isAbove = mount.point == "/" || path == mount.point || path.hasPrefix(mount.point + "/")
                if isAbove, mount.point.utf8.count >= best.length { best = (mount.point.utf8.count, mount.type) }
            }
            return best.type
        }

        static func isNetwork(_ type: String) -> Bool { types.contains(type) || type.hasPrefix("fuse.") }
    }
#endif
