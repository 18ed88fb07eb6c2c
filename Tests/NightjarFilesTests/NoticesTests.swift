#if os(Linux)
    import Testing

    @testable import NightjarFiles

    #if canImport(Musl)
        import Musl
    #else
        import Glibc
    #endif

    @Suite struct NoticesTests {
        private let folder = Folder(FilesOptions(path: "/x", match: ["*.csv"], recursive: true))

        private func path(_ text: String) -> FilePath { FilePath(bytes: Array(text.utf8)) }

        private func notices(_ notifications: [(Int32, Int32, String)], hasOverflown: Bool = false) -> Notices {
            let batch = InotifyQueue.Batch(
                notifications: notifications.map { .init(watch: $0, mask: UInt32($1), name: Array($2.utf8)) },
                hasOverflown: hasOverflown)
            return Notices(batch, watched: [1: .root, 2: path("sub")], in: folder)
        }

        @Test("of several notifications about a file the weightiest counts")
        func weight() {
            let found = notices([
                (1, IN_CREATE, "a.csv"), (1, IN_ATTRIB, "a.csv"), (2, IN_CLOSE_WRITE, "b.csv"), (2, IN_ATTRIB, "b.csv"),
            ])
            #expect(found.files == [path("a.csv"): .created, path("sub/b.csv"): .complete])
        }

        @Test("lost notifications mean a look at everything")
        func overflow() {
            #expect(notices([(-1, Int32(IN_Q_OVERFLOW), "")]).mustScanAll)
            #expect(notices([], hasOverflown: true).mustScanAll)
            #expect(!notices([(1, IN_DELETE, "a.csv")]).mustScanAll)
        }

        @Test("only the watched folder's own end is the end")
        func ends() {
            #expect(notices([(1, IN_DELETE_SELF, "")]).isRootGone)
            #expect(notices([(1, IN_MOVE_SELF, "")]).isRootGone)
            #expect(!notices([(2, IN_DELETE_SELF, "")]).isRootGone)
            #expect(notices([(2, Int32(IN_IGNORED), "")]).endedWatches == [2])
        }

        @Test("notifications of unknown watches, unwanted files and ignored folders lead nowhere")
        func unwanted() {
            let found = notices([
                (9, IN_CLOSE_WRITE, "a.csv"), (1, IN_CLOSE_WRITE, "a.txt"), (1, IN_CLOSE_WRITE, ".a.csv"),
                (1, IN_CREATE | Int32(IN_ISDIR), ".git"),
            ])
            #expect(found.files.isEmpty && found.folders.isEmpty)
        }

        @Test("folders that come, go or change their permissions are looked at")
        func folders() {
            let found = notices([
                (1, IN_CREATE | Int32(IN_ISDIR), "new"), (2, IN_MOVED_FROM | Int32(IN_ISDIR), "old"),
                (1, IN_ATTRIB | Int32(IN_ISDIR), "open"),
            ])
            #expect(found.folders == [path("new"), path("sub/old"), path("open")])
        }
    }
#endif
